using ArchUnitNET.Domain;

namespace Gpt2Cluster.Architecture.Tests;

/// <summary>Which files use which others: a file uses those whose types its types depend on.</summary>
internal sealed class SourceGraph
{
    private readonly Dictionary<string, HashSet<string>> uses;

    /// <summary>Draws the graph.</summary>
    /// <param name="types">The types of the assembly.</param>
    /// <param name="files">The sources, relative to the root; a type's is the one that declares its name.</param>
    public SourceGraph(IEnumerable<IType> types, IReadOnlyList<string> files)
    {
        var fileOf = new Dictionary<string, string>();
        foreach (var file in files)
        {
            foreach (var match in Repository.Lines(file).SelectMany(line => TidyTests.TypeName().Matches(line)))
                fileOf[match.Groups[1].Value] = file;
        }

        uses = files.ToDictionary(file => file, _ => new HashSet<string>());
        foreach (var type in types)
        {
            if (!fileOf.TryGetValue(Outermost(type.FullName), out var from))
                continue;
            foreach (var target in type.Dependencies.Select(dependency => Outermost(dependency.Target.FullName)))
            {
                if (fileOf.TryGetValue(target, out var to) && to != from)
                    uses[from].Add(to);
            }
        }
    }

    /// <summary>How many pairs of files there are of which one uses the other.</summary>
    public int EdgeCount => uses.Values.Sum(targets => targets.Count);

    /// <summary>For each file that uses itself by way of others, the shortest way.</summary>
    public IEnumerable<string> Cycles() => uses.Keys.Select(CycleThrough).OfType<string>();

    private string? CycleThrough(string start)
    {
        var cameFrom = new Dictionary<string, string>();
        var open = new Queue<string>([start]);
        while (open.TryDequeue(out var file))
        {
            foreach (var next in uses[file].Where(next => cameFrom.TryAdd(next, file)))
                open.Enqueue(next);
        }

        if (!cameFrom.ContainsKey(start))
            return null;
        List<string> way = [start];
        do
            way.Insert(0, cameFrom[way[0]]);
        while (way[0] != start);
        return string.Join(" -> ", way.Select(Path.GetFileName));
    }

    /// <summary>A nested or a generated type is its outermost type's.</summary>
    private static string Outermost(string fullName) => fullName.Split('+', '/', '`', '<')[0].Split('.')[^1];
}
