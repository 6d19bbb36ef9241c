using System.Collections.Concurrent;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>
/// A silo's process may have no more memory from one place of a step on: the run ends with advice, the silo lives, and
/// with memory the run goes on to the bits of one that nothing happened to.
/// </summary>
public sealed class OutOfMemoryTests
{
    // Less than what each of these places needs, 26 MB for the gradient of the token embedding at least, and enough
    // for what the rest of the silo does in the meantime.
    private const long FewBytes = 16L << 20;

    // scratch:tiny's, about.
    private const long TrainedParameters = 7_242_624;

    /// <summary>
    /// In the torch backend's update the norm takes 8 bytes a parameter (the averages' squares in fp64; the averages
    /// are there) and the update itself 12 (a scratch, and a root in fp64): in between, the moments are updated and
    /// the parameters are not.
    /// </summary>
    private const long HalfAnUpdateBytes = 10 * TrainedParameters;

    private static readonly ConcurrentDictionary<(string Devices, string Precision), string> Undisturbed = [];

    [Theory]
    [InlineData("cpu", "bf16", FaultPoint.Forward, FewBytes)]
    [InlineData("cpu:as-card", "fp32", FaultPoint.Forward, FewBytes)]
    [InlineData("cpu:as-card", "fp32", FaultPoint.Backward, FewBytes)]
    [InlineData("cpu:as-card", "fp32", FaultPoint.Averaged, FewBytes)]
    [InlineData("cpu:as-card", "fp32", FaultPoint.Averaged, HalfAnUpdateBytes)]
    public void The_silo_lives_and_the_run_can_be_resumed(
        string devices, string precision, FaultPoint point, long moreBytes)
    {
        using var silo = new FaultySilo(devices, precision);
        using var train = StoppedAt(silo, point);
        using (new ProcessLimit(silo.Silo.Id, moreBytes))
        {
            silo.Pass(point);
            AssertFailedWithAdvice(train);
        }

        AssertGoesOn(silo);
        Assert.Equal(
            moreBytes == HalfAnUpdateBytes,
            silo.Silo.Log.Contains("TorchOptimizer.Apply", StringComparison.Ordinal));
    }

    [Fact]
    public void On_a_processor_what_follows_the_first_forward_pass_needs_no_memory()
    {
        using var silo = new FaultySilo("cpu", "bf16");
        using var train = StoppedAt(silo, FaultPoint.Backward);
        silo.Arm(FaultPoint.Applied);
        using (new ProcessLimit(silo.Silo.Id, FewBytes))
        {
            silo.Pass(FaultPoint.Backward);
            silo.WaitUntilStopped(FaultPoint.Applied);
        }

        silo.Pass(FaultPoint.Applied);
        Assert.Equal(UndisturbedHash(silo), Training.HashOf(train));
    }

    /// <summary>So no limit strikes there, and an error stands in for one.</summary>
    [Fact]
    public void A_processor_that_is_refused_memory_there_ends_the_run_likewise()
    {
        using var silo = new FaultySilo("cpu", "bf16");
        foreach (var point in new[] { FaultPoint.Backward, FaultPoint.Averaged })
        {
            var run = $"{point}";
            using var train = StoppedAt(silo, point, run);
            silo.Fail(point, "DefaultCPUAllocator: can't allocate memory: you tried to allocate 25755648 bytes.");
            AssertFailedWithAdvice(train);
            AssertGoesOn(silo, run);
        }
    }

    /// <summary>Trains one step, and the second one to a point.</summary>
    private static ClientProcess StoppedAt(FaultySilo silo, FaultPoint point, string run = "struck")
    {
        using (var first = silo.Train(run, "--pause-at", "1"))
            Assert.True(first.WaitForExit() == 0, first.Said);
        silo.Arm(point);
        var train = silo.Train(run);
        silo.WaitUntilStopped(point);
        return train;
    }

    private static void AssertFailedWithAdvice(ClientProcess train)
    {
        Assert.True(train.WaitForExit() == 1, train.Said);
        var end = Assert.Single(train.Events("end"));
        Assert.Equal("failed", end.GetProperty("status").GetString());
        Assert.Equal(1, end.GetProperty("step").GetInt64());
        Assert.Contains("training failed: there is no memory left", train.Said, StringComparison.Ordinal);
        foreach (var advice in new[] { "--batch-size (now 8)", "--recompute", "--train lora:8" })
            Assert.Contains(advice, train.Said, StringComparison.Ordinal);
    }

    private static void AssertGoesOn(FaultySilo silo, string run = "struck")
    {
        Assert.True(silo.Silo.IsAlive, silo.Silo.Log);
        using var again = silo.Train(run);
        Assert.Equal(UndisturbedHash(silo), Training.HashOf(again));
    }

    /// <summary>Trained once for each way of computing: the state hash is a function of the specification.</summary>
    private static string UndisturbedHash(FaultySilo silo) => Undisturbed.GetOrAdd((silo.Devices, silo.Precision), _ =>
    {
        using var whole = silo.Train("whole");
        return Training.HashOf(whole);
    });
}
