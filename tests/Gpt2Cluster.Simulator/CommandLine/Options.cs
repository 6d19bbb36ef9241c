using System.Globalization;
using Gpt2Cluster.Simulator.Schedules;

namespace Gpt2Cluster.Simulator.CommandLine;

/// <summary>What the command was asked for.</summary>
/// <param name="ScheduleCount">Schedules to run.</param>
/// <param name="FirstSeed">The first one's seed; the others follow.</param>
/// <param name="Parallel">Schedules at once, each on a thread of its own.</param>
/// <param name="Replay">The seed to trace instead; null for none.</param>
/// <param name="Mutant">A deliberate mistake to be found.</param>
internal sealed record Options(long ScheduleCount, ulong FirstSeed, int Parallel, ulong? Replay, Mutant Mutant)
{
    /// <summary>How the command is used.</summary>
    public const string Usage =
        """
        --schedules N [--seed FIRST] [--parallel P] [--mutant NAME]   runs N schedules and sums them up
        --replay SEED [--mutant NAME]                                 runs one and prints all that happens
        """;

    /// <summary>Reads the arguments; null if they cannot be understood.</summary>
    public static Options? Read(IReadOnlyList<string> arguments)
    {
        var options = new Options(0, 1, 1, null, Mutant.None);
        for (var index = 0; index + 1 < arguments.Count; index += 2)
        {
            if (options.With(arguments[index], arguments[index + 1]) is not { } read)
                return null;
            options = read;
        }

        var isAsked = options.ScheduleCount > 0 || options.Replay is not null;
        return isAsked && arguments.Count % 2 == 0 ? options : null;
    }

    private Options? With(string name, string value)
    {
        var isNumber = ulong.TryParse(value, CultureInfo.InvariantCulture, out var number);
        return name switch
        {
            "--schedules" when isNumber => this with { ScheduleCount = (long)number },
            "--seed" when isNumber => this with { FirstSeed = number },
            "--parallel" when isNumber && number > 0 => this with { Parallel = (int)number },
            "--replay" when isNumber => this with { Replay = number },
            "--mutant" when Enum.TryParse<Mutant>(value, ignoreCase: true, out var mutant) =>
                this with { Mutant = mutant },
            _ => null,
        };
    }
}
