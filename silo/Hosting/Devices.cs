using System.Globalization;
using Gpt2Cluster.Compute;
using Gpt2Cluster.Compute.Devices;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>Opens the devices that <c>--devices</c> names.</summary>
/// <param name="Factory">Makes replicas on them.</param>
/// <param name="Notice">What whoever starts the silo should know of this machine's cards; null for nothing.</param>
public sealed record Devices(IReplicaFactory Factory, string? Notice)
{
    /// <summary>Behind <c>cpu:</c>, the path for cards on this processor; for tests, and no part of the help.</summary>
    public const string AsCard = "as-card";

    /// <summary>Makes the factory of replicas on the wished devices.</summary>
    /// <param name="wish">
    /// <c>auto</c>, <c>cpu</c>, <c>cpu:N</c>, <c>cuda</c>, or <c>cuda:</c> and numbers or UUIDs of cards.
    /// </param>
    /// <exception cref="UserErrorException">This machine does not have them.</exception>
    public static Devices Open(string wish)
    {
        ArgumentNullException.ThrowIfNull(wish);
        var (kind, argument) = wish.Split(':', 2) is [var first, var second] ? (first, second) : (wish, null);
        return kind switch
        {
            "auto" => Fastest(),
            "cpu" when argument == AsCard => new Devices(new ReplicaFactory(ReplicaFactory.CpuAsCard()), null),
            "cpu" => new Devices(new ReplicaFactory(ReplicaFactory.CpuDevices(ShareCount(wish, argument))), null),
            "cuda" => new Devices(new ReplicaFactory(Cards(argument)), null),
            _ => throw new UserErrorException(
                $"There are no devices '{wish}'; --devices takes auto, cpu, cpu:N, cuda, cuda:0,1 or cuda:GPU-UUID."),
        };
    }

    /// <summary>What to say of a machine's cards where the processor is taken without anybody having asked.</summary>
    /// <param name="sight">What is seen of them.</param>
    /// <param name="isBuiltForCards">Whether this build could use them.</param>
    public static string? NoticeOf(CudaSight sight, bool isBuiltForCards)
    {
        ArgumentNullException.ThrowIfNull(sight);
        if (!isBuiltForCards)
            return sight.ProcessorBuildNotice();
        return $"The silo trains on the processor, though it is built for cards. {sight.Absence()}";
    }

    private static Devices Fastest()
    {
        var cards = CardSelection.Usable(ReplicaFactory.CudaDevices(), out var refusal);
        return cards.Count > 0
            ? new Devices(new ReplicaFactory(cards), refusal)
            : new Devices(
                new ReplicaFactory(ReplicaFactory.CpuDevices(1)),
                refusal ?? NoticeOf(CudaDriver.Look(), ReplicaFactory.IsBuiltForCards));
    }

    private static IReadOnlyList<Device> Cards(string? argument)
    {
        var cards = ReplicaFactory.CudaDevices();
        if (cards.Count > 0)
            return CardSelection.Choose(cards, argument);
        throw new UserErrorException(ReplicaFactory.IsBuiltForCards
            ? CudaDriver.Look().Absence()
            : "This build is for processors and has no libtorch for cards; build with 'export TorchBackend=cuda' set, "
                + "which -p:TorchBackend=cuda also does, or start the silo with --devices cpu.");
    }

    /// <summary>Workers on this processor; each has a core or more.</summary>
    private static int ShareCount(string wish, string? argument)
    {
        var (count, cores) = (argument is null ? 1 : Number(wish, argument), Environment.ProcessorCount);
        return count <= cores
            ? count
            : throw new UserErrorException(
                $"--devices {wish} is more workers than this machine's {cores} core{(cores == 1 ? "" : "s")}; choose "
                + $"cpu:{cores}{(cores == 1 ? "" : " or fewer")}.");
    }

    private static int Number(string wish, string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new UserErrorException($"'{text}' in --devices {wish} is no number.");
}
