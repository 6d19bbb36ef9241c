using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Training;

/// <summary>The flat tensors of a replica: fp32 parameters, and moments where the optimizer has them.</summary>
internal sealed class ReplicaState(ParameterLayout layout, bool hasMoments, TorchSharp.torch.Device device)
    : IDisposable
{
    /// <summary>The fp32 parameters, vocabulary padding included.</summary>
    public FlatTensor Parameters { get; } = New(layout, device);

    /// <summary>First moments; null where there are none.</summary>
    public FlatTensor? FirstMoments { get; } = hasMoments ? New(layout, device) : null;

    /// <summary>Second moments; null where there are none.</summary>
    public FlatTensor? SecondMoments { get; } = hasMoments ? New(layout, device) : null;

    /// <summary>The tensor of one part; null where there is none.</summary>
    public FlatTensor? this[ReplicaPart part] => part switch
    {
        ReplicaPart.Parameters => Parameters,
        ReplicaPart.FirstMoments => FirstMoments,
        _ => SecondMoments,
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        Parameters.Dispose();
        FirstMoments?.Dispose();
        SecondMoments?.Dispose();
    }

    private static FlatTensor New(ParameterLayout layout, TorchSharp.torch.Device device) =>
        new(VocabularyPadding.PaddedLength(layout), ScalarType.Float32, device);
}
