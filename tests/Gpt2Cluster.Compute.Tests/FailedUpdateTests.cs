using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>A device may fail in the middle of an update: some tensors stand before it, others behind it.</summary>
public sealed class FailedUpdateTests
{
    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.BFloat16)]
    public void A_replica_whose_update_failed_is_none_until_it_is_brought_anew(Precision precision)
    {
        var options = Replicas.For(Route.Tensors) with { Precision = precision };
        using var replica = Replicas.Create(options, Route.Tensors);
        replica.Initialize(seed: 3);
        Assert.True(replica.IsLoaded);

        using var tooShort = FlatBuffer.Allocate(replica.Layout.Length / 2);
        Assert.ThrowsAny<Exception>(() => replica.Apply(tooShort, 1, 0.001, 1));
        Assert.False(replica.IsLoaded);
        Assert.Throws<InvalidOperationException>(() => replica.Apply(tooShort, 1, 0.001, 1));

        replica.Loaded(0);
        Assert.True(replica.IsLoaded);
    }
}
