
namespace Gpt2Cluster.LocalCluster.Tests;

public sealed class ClusterRecordTests
{
    [Fact]
    public void A_record_comes_back_as_it_was_written()
    {
        using var scratch = new Scratch();
        var folder = new DataFolder(scratch.Path);
        Assert.Null(ClusterRecord.Read(folder));
        var record = new ClusterRecord
        {
            ClusterId = "gpt2cluster",
            Supervisor = ProcessIdentity.Own,
            IsReady = true,
            Silos =
            [
                new SiloRecord { Name = "silo1", Process = ProcessIdentity.Own, Ports = Ports() },
                new SiloRecord { Name = "silo2" },
            ],
        };
        record.Write(folder);
        var read = ClusterRecord.Read(folder)!;
        Assert.Equal(record.Silos, read.Silos);
        Assert.Equal(record with { Silos = read.Silos }, read);
    }

    [Fact]
    public void A_torn_record_is_none()
    {
        using var scratch = new Scratch();
        scratch.File("cluster.json", "{\"cluster_id\":");
        Assert.Null(ClusterRecord.Read(new DataFolder(scratch.Path)));
    }

    [Fact]
    public void A_ready_file_is_read_as_the_silo_writes_it()
    {
        using var scratch = new Scratch();
        var path = scratch.File(
            "ready.json",
            """
            {"name":"silo1","pid":7,"cluster_id":"gpt2cluster","silo_port":1,"gateway_port":2,"stripe_port":3,
            "http":"127.0.0.1:4","redis":"127.0.0.1:5","workers":1}
            """);
        Assert.Equal(Ports(), SiloPorts.Read(path));
        Assert.Null(SiloPorts.Read(scratch.File("none.json")));
    }

    private static SiloPorts Ports() => new()
    {
        SiloPort = 1,
        GatewayPort = 2,
        StripePort = 3,
        Http = "127.0.0.1:4",
        Redis = "127.0.0.1:5",
    };
}
