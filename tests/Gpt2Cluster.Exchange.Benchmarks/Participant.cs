using System.Globalization;
using System.Net;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Exchange.Benchmarks;

/// <summary>One process that averages: writes its port, reads everybody's, writes its times.</summary>
internal static class Participant
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    /// <summary>Takes part.</summary>
    public static int Run(BenchmarkSettings settings, int own)
    {
        var defaults = new StripeChannelOptions { SiloName = $"silo-{own}".Silo(), Address = IPAddress.Loopback };
        var channel = new StripeChannel(defaults with
        {
            StripeElements = settings.StripeElements ?? defaults.StripeElements,
            SocketBufferBytes = settings.SocketBufferBytes ?? defaults.SocketBufferBytes,
            Log = Console.Error.WriteLine,
        });
        Console.WriteLine(channel.Port);
        var ports = Console.ReadLine()!.Split(' ').Select(port => int.Parse(port, CultureInfo.InvariantCulture));
        var membership = new ExchangeMembership
        {
            Run = "benchmark".Run(),
            Generation = 1,
            LeafCount = settings.Silos,
            Silos = [.. ports.Select((port, silo) => new ExchangeMember($"silo-{silo}".Silo(), "127.0.0.1", port))],
            OwnIndex = own,
        };
        using var cancellation = new CancellationTokenSource(Deadline);
        using (var benchmark = new ExchangeBenchmark(channel, membership, settings.Floats, TimeProvider.System))
        {
            var result = benchmark.Run(settings.Rounds, beside: null, cancellation.Token);
            var rounds = string.Join(' ', result.Rounds.Select(round => Text(round.TotalSeconds)));
            Console.WriteLine($"{Text(result.SlowestMedian.TotalSeconds)} {rounds}");
        }

        channel.DisposeAsync().AsTask().Wait(cancellation.Token);
        return 0;
    }

    private static string Text(double seconds) => seconds.ToString("F4", CultureInfo.InvariantCulture);
}
