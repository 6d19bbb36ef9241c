using System.CommandLine;
using System.Globalization;
using Gpt2Cluster.Core;
using Gpt2Cluster.Fuzz.Running;
using Gpt2Cluster.Fuzz.Targets;

namespace Gpt2Cluster.Fuzz.Commands;

/// <summary>Gives damaged files to parsers: first the corpus, then mutations.</summary>
internal sealed class FuzzCommand
{
    private static readonly Argument<string> Parser = new("parser")
    {
        Description = "All, or one of those that --list shows.",
        DefaultValueFactory = _ => "all",
    };

    private static readonly Option<double?> Seconds = new("--seconds") { Description = "How long each parser gets." };

    private static readonly Option<long?> Count = new("--count")
    {
        Description = "How many inputs each parser gets [default: a million for our own, 100,000 for a library's].",
    };

    private static readonly Option<ulong> Seed = new("--seed")
    {
        Description = "What inputs are made by: the same seed and number give the same input.",
        DefaultValueFactory = _ => 1,
    };

    private static readonly Option<long> From = new("--from") { Description = "The number of the first input." };

    private static readonly Option<int> Parallel = new("--parallel")
    {
        Description = "How many parsers are tried at once.",
        DefaultValueFactory = _ => Environment.ProcessorCount,
    };

    private static readonly Option<string?> ReportPath = new("--report")
    {
        Description = "A table in Markdown, of which the lines of these parsers are replaced.",
    };

    private static readonly Option<string?> Save = new("--save")
    {
        Description = "A folder that takes the inputs of findings, each in its parser's folder.",
    };

    private static readonly Option<bool> List = new("--list") { Description = "Names the parsers and ends." };

    /// <summary>Adds it to the program's root.</summary>
    public static void Describe(RootCommand root)
    {
        root.Arguments.Add(Parser);
        foreach (var option in new Option[] { Seconds, Count, Seed, From, Parallel, ReportPath, Save, List })
            root.Options.Add(option);
        root.SetAction(result =>
        {
            try
            {
                return Run(result, Console.Out);
            }
            catch (UserErrorException problem)
            {
                Console.Error.WriteLine(problem.Message);
                return 2;
            }
        });
    }

    private static int Run(ParseResult words, TextWriter output)
    {
        if (words.GetValue(List))
        {
            foreach (var target in ParserTargets.All)
                output.WriteLine($"{target.Name} ({target.OwnerName})");
            return 0;
        }

        var targets = ParserTargets.Named(words.GetRequiredValue(Parser));
        var broken = Corpus.Replay(targets, output);
        var results = new List<CampaignResult>();
        var degree = new ParallelOptions { MaxDegreeOfParallelism = words.GetValue(Parallel) };
        System.Threading.Tasks.Parallel.ForEach(targets, degree, target =>
        {
            var result = Campaign.Run(target, OptionsOf(words, target));
            lock (results)
            {
                results.Add(result);
                Tell(result, output);
                Keep(result, words.GetValue(Save));
                if (words.GetValue(ReportPath) is { } path)
                    Report.Write(path, [result]);
            }
        });
        var total = results.Sum(result => result.Count);
        var findings = results.Sum(result => result.FaultCount) + broken;
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{total:N0} inputs for {results.Count} parsers, {findings} findings"));
        return findings == 0 && results.All(result => result.Count > 0) ? 0 : 1;
    }

    private static CampaignOptions OptionsOf(ParseResult words, ParserTarget target)
    {
        var seconds = words.GetValue(Seconds);
        return new CampaignOptions(
            words.GetValue(Seed),
            words.GetValue(From),
            words.GetValue(Count) ?? (seconds is null ? target.Aim : null),
            seconds is { } time ? TimeSpan.FromSeconds(time) : null);
    }

    private static void Tell(CampaignResult result, TextWriter output)
    {
        output.WriteLine(Report.Line(result));
        foreach (var finding in result.Findings)
        {
            var limited = finding.IsLimited(result.Target) ? "over the limits, " : "";
            output.WriteLine($"  {limited}{finding.Kind} at input {finding.Index}: {finding.Words}");
            output.WriteLine($"  {finding.Command(result.Target.Name, result.Options.Seed)}");
        }
    }

    private static void Keep(CampaignResult result, string? folder)
    {
        if (folder is null)
            return;
        foreach (var finding in result.Findings.Where(finding => finding.Index >= 0))
        {
            var place = Directory.CreateDirectory(Path.Combine(folder, result.Target.Name));
            var name = string.Create(
                CultureInfo.InvariantCulture, $"{finding.Kind}-{result.Options.Seed}-{finding.Index}.bin");
            var input = finding.Input ?? result.Target.NewMutator().Make(result.Options.Seed, finding.Index);
            File.WriteAllBytes(Path.Combine(place.FullName, name), input);
        }
    }
}
