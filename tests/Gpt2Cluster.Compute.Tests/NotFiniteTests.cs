using Gpt2Cluster.Compute.Tests.Support;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Compute.Tests;

/// <summary>Whoever averages gradients must see that a loss was not finite.</summary>
public sealed class NotFiniteTests
{
    [Theory]
    [MemberData(nameof(SameBitsTests.Computations), MemberType = typeof(SameBitsTests))]
    public void A_loss_that_is_not_finite_shows_in_the_gradient_though_the_head_is_frozen(
        Precision precision, Route route)
    {
        var options = Replicas.For(route) with
        {
            Precision = precision,
            Trainable = TrainableParameters.TransformerLayers,
        };
        using var replica = Replicas.Create(options, route);
        replica.Initialize(seed: 3);
        Assert.DoesNotContain(Gain(replica, route, out var sound), float.IsNaN);
        Assert.True(double.IsFinite(sound));

        var layout = replica.Parameters.Base;
        var slice = layout["ln_f.weight"];
        var huge = new float[slice.Length];
        Array.Fill(huge, 1e38f);
        replica.WriteBase(slice.Start, huge);
        var wide = layout["wte.weight"];
        var tokens = new float[wide.Length];
        WeightInitialization.Fill(layout, 3, wide.Start, tokens);
        for (var index = 0; index < tokens.Length; index++)
            tokens[index] *= 1e6f;
        replica.WriteBase(wide.Start, tokens);
        replica.Loaded(0);
        Assert.All(Gain(replica, route, out var wild), value => Assert.True(float.IsNaN(value)));
        Assert.False(double.IsFinite(wild));
    }

    private static float[] Gain(Replica replica, Route route, out double loss)
    {
        var sink = new CollectingSink(replica.Layout.Length);
        replica.BeginStep(1, [new LeafRange(0, 1)], 1);
        loss = replica.ComputeMicroBatch(Replicas.RandomBatch(Replicas.For(route).Shape, 1, 0), sink);
        var slice = replica.Layout["h.1.ln_1.weight"];
        return sink.Sums.Single().Value[(int)slice.Start..(int)slice.End];
    }
}
