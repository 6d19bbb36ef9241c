using Gpt2Cluster.Core.Memory;

namespace Gpt2Cluster.Compute.Training;

/// <summary>An optimizer over flat buffers: how one step's averaged gradient changes parameters and moments.</summary>
internal interface IOptimizer
{
    /// <summary>Updates all segments.</summary>
    /// <param name="averages">
    /// The averaged gradient, fp32 or bf16; null for the one that the backend made (<see
    /// cref="Devices.ComputeBackend.Average"/>).
    /// </param>
    /// <param name="step">The step, from 1.</param>
    /// <param name="learningRate">This step's.</param>
    /// <param name="scale">Multiplies the gradient: the clipping factor.</param>
    void Apply(FlatBuffer? averages, long step, double learningRate, double scale);
}
