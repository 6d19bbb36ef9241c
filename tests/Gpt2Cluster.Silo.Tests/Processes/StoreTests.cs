using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Runs;
using StackExchange.Redis;

namespace Gpt2Cluster.Silo.Tests.Processes;

public sealed class StoreTests
{
    [Fact]
    public async Task What_was_answered_survives_a_kill_of_the_silo_that_hosts_the_store()
    {
        const int RunCount = 20;
        using var folder = new TestFolder();
        using (var first = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0"))
        {
            await using var client = await TestClient.Connect(first);
            var cluster = client.Grains.Cluster();
            for (var run = 0; run < RunCount; run++)
                await cluster.RunChanged(Completed($"run{run}"), 1, 1, []);

            // The last answer has just arrived: nothing gives the store time to write behind it.
            first.Kill();
        }

        using var second = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0");
        await using var again = await TestClient.Connect(second);
        var runs = await again.Grains.Cluster().Runs();
        Assert.Equal(RunCount, runs.Length);
        Assert.All(runs, run => Assert.Equal(RunStatus.Completed, run.Status));
    }

    [Fact]
    public async Task More_than_its_memory_is_kept_over_a_kill_after_a_snapshot()
    {
        const int KeyCount = 192;
        var value = new string('v', 1 << 20);
        using var folder = new TestFolder();
        using (var first = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0"))
        {
            await using var writer = await ConnectionMultiplexer.ConnectAsync(Patient(first));
            await writer.GetDatabase().StringSetAsync("early", "kept");
            for (var key = 0; key < KeyCount; key++)
                await writer.GetDatabase().HashSetAsync($"{key}", [new("data", $"{key} {value}")]);
            await UntilSnapshot(Path.Combine(folder.Path, "store", "Store", "checkpoints", "cpr-checkpoints"));
            await writer.GetDatabase().StringSetAsync("late", "kept");
            first.Kill();
        }

        using var second = await SiloProcess.StartReady(folder.Path, "--redis", "embedded:0");
        await using var reader = await ConnectionMultiplexer.ConnectAsync(Patient(second));
        Assert.Equal("kept", await reader.GetDatabase().StringGetAsync("early"));
        Assert.Equal("kept", await reader.GetDatabase().StringGetAsync("late"));
        for (var key = 0; key < KeyCount; key++)
            Assert.Equal($"{key} {value}", await reader.GetDatabase().HashGetAsync($"{key}", "data"));
    }

    [Fact]
    public async Task A_store_beyond_loopback_has_a_password_that_only_its_owner_reads()
    {
        using var folder = new TestFolder();
        using var silo = SiloProcess.Start(folder.Path, "--redis", "embedded:0", "--advertise", "10.255.255.1");
        var file = Path.Combine(folder.Path, "store-password");
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        for (var left = 600; !File.Exists(file) && await timer.WaitForNextTickAsync(); left--)
            Assert.True(left > 0, $"no password appeared:\n{silo.Output}");
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    /// <summary>The store of a silo on a machine that may be busy.</summary>
    private static string Patient(SiloProcess silo) => $"{silo.Redis},asyncTimeout=60000";

    /// <summary>Waits until the store has taken a snapshot, as its append-only file is past its limit.</summary>
    private static async Task UntilSnapshot(string folder)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(100));
        for (var left = 600; left > 0 && await timer.WaitForNextTickAsync(); left--)
        {
            if (Directory.Exists(folder) && Directory.EnumerateDirectories(folder).Any())
                return;
        }

        Assert.Fail($"there is no snapshot in {folder}");
    }

    private static RunSummary Completed(string name) => new()
    {
        Name = name.Run(),
        Status = RunStatus.Completed,
        Step = 1,
        Steps = 1,
        Model = "scratch:tiny",
        SubmittedAt = DateTimeOffset.UnixEpoch,
    };
}
