using Gpt2Cluster.Contracts.Cluster;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Grains.Cluster;
using Gpt2Cluster.Silo.Store;
using Microsoft.Extensions.Options;
using Orleans.Serialization;

namespace Gpt2Cluster.Silo.Tests.Store;

/// <summary>The cluster's list of runs as earlier versions stored it.</summary>
public sealed class RecordFormTests
{
    [Fact]
    public void A_status_is_stored_as_a_word()
    {
        var options = new OrleansJsonSerializerOptions();
        RecordForm.Configure(options);
        var serializer = new OrleansJsonSerializer(Options.Create(options));
        var record = new ClusterRecord { Runs = { ["run1".Run()] = new RunEntry(Stopped, 1, 2, []) } };

        var json = serializer.Serialize(record, typeof(ClusterRecord));
        Assert.Contains("""
            "Name":"run1","Status":"early_stopped","Step":4,
            """, json, StringComparison.Ordinal);
        var read = Assert.IsType<ClusterRecord>(serializer.Deserialize(typeof(ClusterRecord), json));
        Assert.Equal(Stopped, read.Runs["run1".Run()].Summary);
    }

    private static RunSummary Stopped => new()
    {
        Name = "run1".Run(),
        Status = RunStatus.EarlyStopped,
        Step = 4,
        Steps = 9,
        Model = "scratch:tiny",
        SubmittedAt = DateTimeOffset.UnixEpoch,
    };
}
