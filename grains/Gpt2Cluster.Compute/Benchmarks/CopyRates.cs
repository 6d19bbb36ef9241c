using System.Diagnostics;
using static TorchSharp.torch;
using Device = Gpt2Cluster.Core.Ports.Device;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>How fast bytes come to a card and back, bytes a second.</summary>
/// <param name="PageableToCard">From memory that the system may move.</param>
/// <param name="PinnedToCard">From memory that stays where it is.</param>
/// <param name="FromCard">Back to memory that the system may move.</param>
public sealed record CopyRates(double PageableToCard, double PinnedToCard, double FromCard)
{
    private const int ElementCount = 1 << 26;
    private const int Rounds = 5;

    /// <summary>Measures the median of five copies each of 256 MB; null for a processor.</summary>
    public static CopyRates? Measure(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (device.Card is null)
            return null;
        using var scope = NewDisposeScope();
        var place = new TorchSharp.torch.Device(TorchSharp.DeviceType.CUDA, device.Ordinal);
        var pageable = ones(ElementCount);
        var pinned = pageable.pin_memory();
        var card = pageable.to(place);
        return new CopyRates(
            Rate(() => pageable.to(place)), Rate(() => pinned.to(place)), Rate(() => card.cpu()));

        double Rate(Func<Tensor> copy)
        {
            var seconds = Enumerable.Range(0, Rounds).Select(_ =>
            {
                var began = Stopwatch.GetTimestamp();
                copy().Dispose();
                cuda.synchronize(place);
                return Stopwatch.GetElapsedTime(began).TotalSeconds;
            }).Order().ToList();
            return (double)ElementCount * sizeof(float) / seconds[Rounds / 2];
        }
    }
}
