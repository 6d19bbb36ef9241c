using Gpt2Cluster.Compute.Memory;
using Gpt2Cluster.Compute.Model;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using static TorchSharp.torch;

namespace Gpt2Cluster.Compute.Training;

/// <summary>
/// The flat tensors of what a replica trains: fp32 master weights, and moments where the optimizer has them.
/// </summary>
internal sealed class ReplicaState : IDisposable
{
    /// <summary>Makes them, of zeros.</summary>
    public ReplicaState(ParameterLayout layout, bool hasMoments, DeviceMemory memory)
    {
        Parameters = New(layout, memory);
        try
        {
            FirstMoments = hasMoments ? New(layout, memory) : null;
            SecondMoments = hasMoments ? New(layout, memory) : null;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The fp32 master weights, vocabulary padding included.</summary>
    public FlatTensor Parameters { get; }

    /// <summary>First moments; null where there are none.</summary>
    public FlatTensor? FirstMoments { get; }

    /// <summary>Second moments; null where there are none.</summary>
    public FlatTensor? SecondMoments { get; }

    /// <summary>The tensor of one part; null where there is none.</summary>
    public FlatTensor? this[ReplicaPart part] => part switch
    {
        ReplicaPart.Parameters => Parameters,
        ReplicaPart.FirstMoments => FirstMoments,
        _ => SecondMoments,
    };

    /// <summary>The parts that there are, in order.</summary>
    public IReadOnlyList<ReplicaPart> Parts =>
        [.. Enum.GetValues<ReplicaPart>().Where(part => this[part] is not null)];

    /// <inheritdoc/>
    public void Dispose()
    {
        Parameters.Dispose();
        FirstMoments?.Dispose();
        SecondMoments?.Dispose();
    }

    private static FlatTensor New(ParameterLayout layout, DeviceMemory memory) =>
        memory.Flat(VocabularyPadding.PaddedLength(layout), ScalarType.Float32);
}
