using System.Diagnostics;

namespace Gpt2Cluster.LocalCluster.Tests;

public sealed class ProcessIdentityTests
{
    [Fact]
    public void This_process_lives_and_another_of_its_number_does_not()
    {
        Assert.True(ProcessIdentity.Own.IsAlive);
        Assert.False((ProcessIdentity.Own with { Start = "0" }).IsAlive);
    }

    [Fact]
    public async Task A_killed_process_is_dead()
    {
        using var process = Process.Start(new ProcessStartInfo("sleep", "60"))!;
        var identity = ProcessIdentity.Of(process.Id)!;
        Assert.True(identity.IsAlive);
        identity.Kill();
        await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(10));
        Assert.False(identity.IsAlive);
        identity.Kill();
    }
}
