using Gpt2Cluster.Fuzz.Targets;

namespace Gpt2Cluster.Fuzz.Running;

/// <summary>Inputs that a parser did not survive once: a folder for each parser, and a file for each cause.</summary>
internal static class Corpus
{
    /// <summary>Where it lies.</summary>
    public static string Folder => Path.Combine(AppContext.BaseDirectory, "Corpus");

    /// <summary>The files of a parser, by name.</summary>
    public static IReadOnlyList<string> FilesOf(ParserTarget target)
    {
        // Through a process those of the library too; those of the process alone are what a library does not survive.
        string[] names = [target.Name, target.Name.Replace(ParserTargets.ProcessSuffix, "", StringComparison.Ordinal)];
        return
        [
            .. names.Distinct().Select(name => Path.Combine(Folder, name)).Where(Directory.Exists)
                .SelectMany(Directory.GetFiles).Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>Gives each parser its files.</summary>
    /// <returns>How many were not survived.</returns>
    public static int Replay(IEnumerable<ParserTarget> targets, TextWriter output)
    {
        var broken = 0;
        foreach (var target in targets)
        {
            foreach (var (file, finding) in Findings(target))
            {
                broken++;
                output.WriteLine($"{target.Name}: {file} {finding.Words}");
            }
        }

        return broken;
    }

    /// <summary>The files that a parser does not survive.</summary>
    public static IEnumerable<(string File, Finding Finding)> Findings(ParserTarget target)
    {
        var files = FilesOf(target);
        if (files.Count == 0)
            yield break;
        using var scratch = new Scratch();
        var trial = Trial.Of(target, scratch);
        foreach (var file in files)
        {
            var result = trial.Run(File.ReadAllBytes(file), -1);
            if (result.Finding is { } finding)
                yield return (file, finding);
            else if (result.AllocatedBytes > Trial.MostBytes)
                yield return (file, new Finding(-1, "memory", "memory", $"took {result.AllocatedBytes >> 20} MiB"));
        }
    }
}
