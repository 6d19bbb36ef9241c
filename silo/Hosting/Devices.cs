using System.Globalization;
using Gpt2Cluster.Compute;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>Opens the devices that <c>--devices</c> names.</summary>
public static class Devices
{
    /// <summary>Makes the factory of replicas on the wished devices.</summary>
    /// <param name="wish"><c>auto</c>, <c>cpu</c>, <c>cpu:N</c>, <c>cuda</c> or <c>cuda:0,1</c>.</param>
    /// <exception cref="UserErrorException">This machine does not have them.</exception>
    public static IReplicaFactory Open(string wish)
    {
        ArgumentNullException.ThrowIfNull(wish);
        var (kind, argument) = wish.Split(':', 2) is [var first, var second] ? (first, second) : (wish, null);
        return new ReplicaFactory(kind switch
        {
            "auto" => ReplicaFactory.CudaDevices() is { Count: > 0 } cards ? cards : ReplicaFactory.CpuDevices(1),
            "cpu" => ReplicaFactory.CpuDevices(argument is null ? 1 : Number(wish, argument)),
            "cuda" => Cards(wish, argument),
            _ => throw new UserErrorException(
                $"There are no devices '{wish}'; --devices takes auto, cpu, cpu:N, cuda or cuda:0,1."),
        });
    }

    /// <summary>The chosen cards, numbered from 0 as workers, each with the name of its own card.</summary>
    private static IReadOnlyList<Device> Cards(string wish, string? argument)
    {
        var cards = ReplicaFactory.CudaDevices();
        if (cards.Count == 0)
        {
            throw new UserErrorException(
                "libtorch finds no CUDA device here; build with -p:TorchBackend=cuda, or start the silo with "
                + "--devices cpu.");
        }

        if (argument is null)
            return cards;
        var chosen = argument.Split(',').Select(text => Number(wish, text)).ToList();
        if (chosen.Find(index => index >= cards.Count) is > 0 and var missing)
            throw new UserErrorException(
                $"There is no card {missing}; this machine has {cards.Count}, counted from 0.");
        return [.. chosen.Select((ordinal, index) => cards[ordinal] with { Index = index })];
    }

    private static int Number(string wish, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new UserErrorException($"'{text}' in --devices {wish} is no number.");
}
