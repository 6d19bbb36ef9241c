using System.Globalization;

namespace Gpt2Cluster.Exchange.Benchmarks;

/// <summary>What the command line asks for.</summary>
internal sealed record BenchmarkSettings
{
    /// <summary>Processes that average, <c>--silos</c>.</summary>
    public int Silos { get; private init; } = 2;

    /// <summary>Values each of them brings, <c>--floats</c>; default: the parameters of GPT-2's smallest.</summary>
    public long Floats { get; private init; } = 124_439_808;

    /// <summary>Measured rounds, <c>--rounds</c>.</summary>
    public int Rounds { get; private init; } = 5;

    /// <summary>Elements of a stripe, <c>--stripe</c>; null for the channel's default.</summary>
    public int? StripeElements { get; private init; }

    /// <summary>Kernel buffer of a connection, <c>--buffer</c>; null for the channel's default.</summary>
    public int? SocketBufferBytes { get; private init; }

    /// <summary>Set in the processes the first one starts, <c>--participant</c>: which one this is.</summary>
    public int? Participant { get; private init; }

    /// <summary>Reads pairs of names and numbers.</summary>
    public static BenchmarkSettings Parse(string[] arguments)
    {
        var settings = new BenchmarkSettings();
        for (var index = 0; index + 1 < arguments.Length; index += 2)
        {
            var number = long.Parse(arguments[index + 1], CultureInfo.InvariantCulture);
            settings = arguments[index] switch
            {
                "--silos" => settings with { Silos = (int)number },
                "--floats" => settings with { Floats = number },
                "--rounds" => settings with { Rounds = (int)number },
                "--stripe" => settings with { StripeElements = (int)number },
                "--buffer" => settings with { SocketBufferBytes = (int)number },
                "--participant" => settings with { Participant = (int)number },
                var unknown => throw new ArgumentException($"There is no option {unknown}."),
            };
        }

        return settings;
    }
}
