using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Exchange.Tests;

public sealed class FailureTests
{
    private const int ElementCount = (6 * StripeLayout.MinStripeElements) + 99;

    [Fact]
    public async Task ContributionsBeforeOthersBegin_Wait()
    {
        await using var cluster = new TestCluster(siloCount: 3, leafCount: 3, ElementCount);
        cluster.Configure(1, 0, 1, 2);
        for (var step = 1; step <= 3; step++)
        {
            for (var silo = 0; silo < 3; silo++)
            {
                cluster.Exchanges[silo].BeginStep(step, 1, []);
                cluster.ContributeWhole(silo, step, 1, new Subtree(0, silo));
            }

            cluster.AssertAverages(step);
        }
    }

    [Fact]
    public async Task ContributionsBeforeOthersOpenTheRunOrKnowTheGeneration_Wait()
    {
        await using var cluster = new TestCluster(siloCount: 1, leafCount: 2, ElementCount);
        cluster.AddSilo();
        cluster.Exchanges[0].Configure(cluster.Membership(3, 0, 0, 1));
        cluster.Exchanges[0].BeginStep(1, 3, []);
        cluster.ContributeWhole(0, 1, 3, new Subtree(0, 0));
        cluster.Exchanges[1].Configure(cluster.Membership(2, 1, 0, 1));
        cluster.Exchanges[1].BeginStep(1, 2, []);
        cluster.ContributeWhole(1, 1, 2, new Subtree(0, 1));
        cluster.Exchanges[1].Configure(cluster.Membership(3, 1, 0, 1));
        cluster.AssertAverages(1);
    }

    [Fact]
    public async Task DeadSilo_ItsLeavesAreContributedAgainByTheOthers()
    {
        await using var cluster = new TestCluster(siloCount: 3, leafCount: 6, ElementCount);
        cluster.ConfigureAll(1);
        cluster.BeginAll(1, 1);
        cluster.ContributeWhole(0, 1, 1, new Subtree(1, 0));
        cluster.ContributeWhole(1, 1, 1, new Subtree(1, 1));
        var half = cluster.SumOf(1, new Subtree(0, 4));
        cluster.Exchanges[2].Contributions(1, 1).Contribute(new Subtree(0, 4), half, ElementCount / 2, ElementCount);
        await cluster.Channels[2].DisposeAsync();

        cluster.Configure(2, 0, 1);
        cluster.Exchanges[0].BeginStep(1, 2, []);
        cluster.Exchanges[1].BeginStep(1, 2, []);
        cluster.ContributeWhole(0, 1, 2, new Subtree(1, 0));
        cluster.ContributeWhole(1, 1, 2, new Subtree(1, 1));
        cluster.ContributeWhole(0, 1, 2, new Subtree(0, 4));
        cluster.ContributeWhole(1, 1, 2, new Subtree(0, 5));
        cluster.AssertAverages(1, [0, 1]);

        cluster.Exchanges[0].BeginStep(2, 2, []);
        cluster.Exchanges[1].BeginStep(2, 2, []);
        cluster.ContributeWhole(1, 2, 2, new Subtree(2, 1));
        cluster.ContributeWhole(0, 2, 2, new Subtree(2, 0));
        cluster.AssertAverages(2, [0, 1]);
    }

    [Fact]
    public async Task AveragesThatOneSiloHolds_ReachTheOthersInANewGeneration()
    {
        await using var cluster = new TestCluster(siloCount: 3, leafCount: 3, ElementCount);
        cluster.ConfigureAll(1);
        cluster.BeginAll(1, 1);
        for (var silo = 0; silo < 3; silo++)
            cluster.ContributeWhole(silo, 1, 1, new Subtree(0, silo));
        cluster.AssertAverages(1, [0]);
        await cluster.Channels[1].DisposeAsync();
        await cluster.Channels[2].DisposeAsync();

        // A newcomer that has nothing, and nobody to compute what is lost: only the holder can help.
        cluster.AddSilo();
        cluster.Configure(2, 3, 0);
        cluster.Exchanges[3].BeginStep(1, 2, []);
        cluster.AssertAverages(1, [0, 3]);
    }

    [Fact]
    public async Task HolderThatIsAStepAhead_StillSendsTheAveragesOfTheStepBefore()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, ElementCount);
        cluster.ConfigureAll(1);
        cluster.BeginAll(1, 1);
        cluster.ContributeWhole(0, 1, 1, new Subtree(0, 0));
        cluster.ContributeWhole(1, 1, 1, new Subtree(0, 1));
        cluster.AssertAverages(1);
        cluster.Exchanges[0].BeginStep(2, 1, []);
        cluster.AddSilo();
        cluster.Configure(2, 2, 0);
        cluster.Exchanges[2].BeginStep(1, 2, []);
        cluster.AssertAverages(1, [0, 2]);
    }

    [Fact]
    public async Task BrokenConnections_HealAndAreLogged()
    {
        await using var cluster = new TestCluster(siloCount: 3, leafCount: 3, ElementCount);
        cluster.ConfigureAll(1);
        for (var step = 1; step <= 5; step++)
        {
            cluster.BeginAll(step, 1);
            cluster.ContributeWhole(0, step, 1, new Subtree(0, 0));
            cluster.Channels[step % 3].BreakAll();
            cluster.ContributeWhole(1, step, 1, new Subtree(0, 1));
            cluster.Channels[(step + 1) % 3].BreakAll();
            cluster.ContributeWhole(2, step, 1, new Subtree(0, 2));
            cluster.AssertAverages(step);
        }

        Assert.Contains(cluster.Log, line => line.Contains("broke", StringComparison.Ordinal));
    }

    [Fact]
    public async Task SiloOutOfReach_IsReportedAgainAndAgainAndFoundWhenItIsBack()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, ElementCount);
        using var reports = new BlockingCollection<UnreachableSilo>();
        cluster.Channels[0].Unreachable += reports.Add;
        await cluster.Channels[1].DisposeAsync();
        cluster.Exchanges[0].Configure(cluster.Membership(4, 0, 0, 1));
        cluster.Exchanges[0].BeginStep(1, 4, []);
        cluster.ContributeWhole(0, 1, 4, new Subtree(0, 0));
        for (var report = 0; report < 20; report++)
        {
            Assert.True(reports.TryTake(out var news, TestCluster.Deadline), $"After {report} reports none came.");
            Assert.Equal((TestCluster.Run.Run(), 4, cluster.Member(1)), (news.Run, news.Generation, news.Silo));
            Assert.NotEmpty(news.Reason);
        }

        cluster.OpenAgain(1);
        cluster.Exchanges[1].Configure(cluster.Membership(4, 1, 0, 1));
        cluster.Exchanges[1].BeginStep(1, 4, []);
        cluster.ContributeWhole(1, 1, 4, new Subtree(0, 1));
        cluster.AssertAverages(1);
    }

    [Fact]
    public async Task SiloThatHasEnded_IsReportedAtOnceAndAsGone()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, ElementCount);
        await cluster.Channels[1].DisposeAsync();
        var report = await FirstReport(cluster.Member(1));
        Assert.True(report.IsGone, report.Reason);
    }

    [Fact]
    public async Task SiloOfAnUnknownMachine_IsNotSaidToBeGone()
    {
        var report = await FirstReport(new ExchangeMember("silo-1".Silo(), "nowhere.invalid", 1), TimeSpan.Zero);
        Assert.False(report.IsGone, report.Reason);
    }

    [Fact]
    public async Task PeerThatCutsEveryConnectionOff_IsCalledLessAndLess()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var cluster = new TestCluster(siloCount: 1, leafCount: 2, ElementCount);
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        cluster.Exchanges[0].Configure(cluster.Membership(1, 0, 0) with
        {
            Silos = [cluster.Member(0), new ExchangeMember("silo-1".Silo(), "127.0.0.1", port)],
        });
        using var deadline = new CancellationTokenSource(TestCluster.Deadline);
        var began = Stopwatch.GetTimestamp();
        for (var call = 0; call < 8; call++)
            (await listener.AcceptSocketAsync(deadline.Token)).Dispose();

        // Seven pauses, each twice the one before, up to the longest.
        Assert.InRange(Stopwatch.GetElapsedTime(began), TestCluster.LongestPause, TestCluster.Deadline);
    }

    [Fact]
    public async Task BuffersThatWereWithdrawn_AreNotReadAnyMore()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, ElementCount);
        var workers = new PlannedWorkers(cluster);
        cluster.ConfigureAll(1);
        cluster.BeginAll(1, 1);
        using (var freed = cluster.SumOf(1, new Subtree(0, 0)))
        {
            cluster.Exchanges[0].Contributions(1, 1).Contribute(new Subtree(0, 0), freed, 0, ElementCount);
            cluster.Exchanges[0].Withdraw(generation: 1);
        }

        cluster.ConfigureAll(2);
        workers.Begin(1, 1, generation: 2, first: 0, end: 2);
        cluster.Exchanges[1].Withdraw(generation: 1);
        workers.Finish(1);
        cluster.Exchanges[0].BeginStep(1, 2, []);
        cluster.AssertAverages(1);
    }

    [Fact]
    public async Task Wait_IsCancelled()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, ElementCount);
        cluster.ConfigureAll(1);
        cluster.BeginAll(1, 1);
        cluster.ContributeWhole(0, 1, 1, new Subtree(0, 0));
        using var cancellation = new CancellationTokenSource();
        var wait = Task.Factory.StartNew(
            () => cluster.Exchanges[0].WaitForAverages(1, cancellation.Token), TaskCreationOptions.LongRunning);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => wait.WaitAsync(TestCluster.Deadline));
        cluster.ContributeWhole(1, 1, 1, new Subtree(0, 1));
        cluster.AssertAverages(1);
    }

    [Fact]
    public async Task Wait_EndsWhenTheRunIsClosed()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, ElementCount);
        cluster.ConfigureAll(1);
        cluster.BeginAll(1, 1);
        var wait = Task.Factory.StartNew(
            () => cluster.Exchanges[0].WaitForAverages(1, default), TaskCreationOptions.LongRunning);
        cluster.Exchanges[0].Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => wait.WaitAsync(TestCluster.Deadline));
    }

    [Fact]
    public async Task StepThatWasNotBegun_IsRefused()
    {
        await using var cluster = new TestCluster(siloCount: 1, leafCount: 1, ElementCount);
        cluster.ConfigureAll(1);
        using var sums = FlatBuffer.Allocate(ElementCount);
        Assert.Throws<InvalidOperationException>(() =>
            cluster.Exchanges[0].Contributions(1, 1).Contribute(new Subtree(0, 0), sums, 0, ElementCount));
        Assert.Throws<InvalidOperationException>(() => cluster.Exchanges[0].WaitForAverages(1, default));
    }

    [Fact]
    public async Task OneSiloWithOneLeaf_AveragesInPlace()
    {
        await using var cluster = new TestCluster(siloCount: 1, leafCount: 1, ElementCount);
        cluster.ConfigureAll(1);
        cluster.BeginAll(1, 1);
        var sums = cluster.SumOf(1, new Subtree(0, 0));
        cluster.Exchanges[0].Contributions(1, 1).Contribute(new Subtree(0, 0), sums, 1000, ElementCount);
        cluster.Exchanges[0].Contributions(1, 1).Contribute(new Subtree(0, 0), sums, 0, 1000);
        Assert.Same(sums, cluster.Exchanges[0].WaitForAverages(1, default));
    }

    [Fact]
    public async Task Figures_CountThePayloadsOfTheStep()
    {
        await using var cluster = new TestCluster(siloCount: 2, leafCount: 2, 2 * StripeLayout.MinStripeElements);
        cluster.ConfigureAll(1);
        cluster.BeginAll(1, 1);
        cluster.ContributeWhole(0, 1, 1, new Subtree(0, 0));
        cluster.ContributeWhole(1, 1, 1, new Subtree(0, 1));
        cluster.AssertAverages(1);
        Assert.Equal(cluster.ElementCount * sizeof(float), cluster.Exchanges[0].Figures(1).ReceivedBytes);
    }

    /// <summary>What a silo alone says of a member that does not answer.</summary>
    /// <param name="member">The member.</param>
    /// <param name="patience">Before a silo that may live is reported; an hour says that only a dead one is.</param>
    private static async Task<UnreachableSilo> FirstReport(ExchangeMember member, TimeSpan? patience = null)
    {
        await using var channel = new StripeChannel(new StripeChannelOptions
        {
            SiloName = "silo-0".Silo(),
            Address = IPAddress.Loopback,
            UnreachablePeriod = patience ?? TimeSpan.FromHours(1),
        });
        var reported = new TaskCompletionSource<UnreachableSilo>();
        channel.Unreachable += report => reported.TrySetResult(report);
        using var exchange = channel.Open(TestCluster.Run.Run(), ElementCount);
        exchange.Configure(new ExchangeMembership
        {
            Run = TestCluster.Run.Run(),
            Generation = 1,
            LeafCount = 2,
            Silos = [new ExchangeMember("silo-0".Silo(), "127.0.0.1", channel.Port), member],
            OwnIndex = 0,
        });
        return await reported.Task.WaitAsync(TestCluster.Deadline);
    }
}
