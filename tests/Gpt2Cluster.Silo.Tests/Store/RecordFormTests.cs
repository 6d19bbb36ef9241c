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
    private readonly OrleansJsonSerializer serializer = Serializer();

    [Fact]
    public void A_record_is_stored_in_words_and_texts()
    {
        var json = serializer.Serialize(Record, typeof(ClusterRecord));
        Assert.Contains("""
            "Name":"run1","Status":"early_stopped","Step":4,
            """, json, StringComparison.Ordinal);
        Assert.Contains("\"a/0\":\"run1\"", json, StringComparison.Ordinal);
        Assert.Contains("Dictionary`2[[System.String, ", json, StringComparison.Ordinal);
        Assert.DoesNotContain("Gpt2Cluster.Core.Names", json, StringComparison.Ordinal);
    }

    [Fact]
    public void What_was_stored_is_read()
    {
        var json = serializer.Serialize(Record, typeof(ClusterRecord));
        var read = Assert.IsType<ClusterRecord>(serializer.Deserialize(typeof(ClusterRecord), json));
        Assert.Equal(Stopped, read.Runs["run1".Run()].Summary);
        Assert.Equal([new RefusedWorker("a/1".Worker(), "life")], read.Runs["run1".Run()].Refused!);
        Assert.Equal("run1".Run(), read.Assignment["a/0".Worker()]);
        Assert.Equal(["over"], read.Deleted["run2".Run()]);
    }

    private static OrleansJsonSerializer Serializer()
    {
        var options = new OrleansJsonSerializerOptions();
        RecordForm.Configure(options);
        return new OrleansJsonSerializer(Options.Create(options));
    }

    private static ClusterRecord Record => new()
    {
        Runs = { ["run1".Run()] = new RunEntry(Stopped, 1, 2, [new RefusedWorker("a/1".Worker(), "life")]) },
        Assignment = { ["a/0".Worker()] = "run1".Run() },
        Deleted = { ["run2".Run()] = ["over"] },
    };

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
