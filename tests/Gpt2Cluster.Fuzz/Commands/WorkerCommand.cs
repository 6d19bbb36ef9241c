using System.CommandLine;
using System.Globalization;
using Gpt2Cluster.Fuzz.Running;
using Gpt2Cluster.Fuzz.Targets;

namespace Gpt2Cluster.Fuzz.Commands;

/// <summary>What runs in a worker's process; started by a campaign, not by people.</summary>
internal static class WorkerCommand
{
    private const string Name = "worker";

    /// <summary>The command.</summary>
    public static Command Describe()
    {
        var parser = new Argument<string>("parser");
        var tally = new Argument<string>("tally");
        var numbers = new Argument<string[]>("numbers") { Arity = new ArgumentArity(4, 4) };
        var command = new Command(Name, "Tries inputs for a campaign.") { parser, tally, numbers };
        command.Hidden = true;
        command.SetAction(result =>
        {
            var words = result.GetRequiredValue(numbers);
            var order = new WorkerOrder(
                ulong.Parse(words[0], CultureInfo.InvariantCulture),
                long.Parse(words[1], CultureInfo.InvariantCulture),
                long.Parse(words[2], CultureInfo.InvariantCulture),
                TimeSpan.FromTicks(long.Parse(words[3], CultureInfo.InvariantCulture)));
            using var shared = new Tally(result.GetRequiredValue(tally));
            Worker.Run(
                ParserTargets.Named(result.GetRequiredValue(parser))[0], order, shared, Console.Out);
            return 0;
        });
        return command;
    }

    /// <summary>The words that start it.</summary>
    public static IEnumerable<string> Words(ParserTarget target, WorkerOrder order, string tallyPath) =>
    [
        Name, target.Name, tallyPath,
        .. new[] { (long)order.Seed, order.From, order.To, order.Time.Ticks }
            .Select(number => number.ToString(CultureInfo.InvariantCulture)),
    ];
}
