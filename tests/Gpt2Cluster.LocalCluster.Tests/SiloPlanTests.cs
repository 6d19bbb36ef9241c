
namespace Gpt2Cluster.LocalCluster.Tests;

public sealed class SiloPlanTests
{
    private static readonly SiloPorts Before = new()
    {
        SiloPort = 1,
        GatewayPort = 2,
        StripePort = 3,
        Http = "127.0.0.1:4",
        Redis = "127.0.0.1:5",
    };

    [Fact]
    public void The_first_silo_takes_any_free_ports_and_hosts_the_store() =>
        Assert.Equal(
            "--cluster-id c --name silo1 --data /d --redis embedded:0 --silo-port 0 --gateway-port 0 --stripe-port 0 "
            + "--http 127.0.0.1:0 --devices cpu --ready-file /d/silos/silo1/ready.json --parent-pipe",
            string.Join(" ", Plan(null).Arguments(null)));

    [Fact]
    public void A_restarted_silo_keeps_its_ports()
    {
        var words = string.Join(" ", Plan(null).Arguments(Before));
        Assert.Contains(
            "--redis embedded:5 --silo-port 1 --gateway-port 2 --stripe-port 3 --http 127.0.0.1:4",
            words,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Other_silos_name_the_first_ones_store() =>
        Assert.Contains(
            "--redis 127.0.0.1:5",
            string.Join(" ", Plan("127.0.0.1:5").Arguments(null)),
            StringComparison.Ordinal);

    [Fact]
    public void Restarts_wait_longer_each_time_up_to_five_seconds() =>
        Assert.Equal(
            [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5, 5],
            Enumerable.Range(1, SiloSlot.MaximumRestarts)
                .Select(restart => Math.Round(SiloSlot.BackOff(restart).TotalSeconds, 3)));

    private static SiloPlan Plan(string? store) => new()
    {
        Program = new ProgramStart("silo", []),
        Folder = new DataFolder("/d"),
        Name = "silo1",
        ClusterId = "c",
        Store = store,
        Devices = "cpu",
    };
}
