using Gpt2Cluster.Data.Sources;

namespace Gpt2Cluster.Data.Inspection;

/// <summary>Which of a corpus' files a token is from: the first token of each file that has one, in order.</summary>
internal sealed class FileSpans
{
    private readonly List<long> starts = [];
    private readonly List<string> names = [];
    private IReadOnlyList<SourceFile> files = [];
    private int cursor;

    /// <summary>Begins with the files of another source.</summary>
    public void Begin(IReadOnlyList<SourceFile> source) => (files, cursor) = (source, 0);

    /// <summary>A document begins.</summary>
    /// <param name="document">Its name: its file's, with a line behind a colon where the file has several.</param>
    /// <param name="start">Its first token.</param>
    public void Add(string document, long start)
    {
        var name = FileOf(document);
        // What a store that takes no more does not have is not asked for.
        if (names.Count > 0 && (ReferenceEquals(names[^1], name) || start <= starts[^1]))
            return;
        names.Add(name);
        starts.Add(start);
    }

    /// <summary>A number for the file of a token.</summary>
    public int IndexOf(long token)
    {
        var index = starts.BinarySearch(token);
        return index >= 0 ? index : ~index - 1;
    }

    /// <summary>The file of a number.</summary>
    public string Name(int index) => names[index];

    // Documents come in the order of the files, so the search goes on from the last one.
    private string FileOf(string document)
    {
        for (var index = cursor; index < files.Count; index++)
        {
            if (!IsOf(document, files[index].Name))
                continue;
            cursor = index;
            return files[index].Name;
        }

        return cursor < files.Count ? files[cursor].Name : document;
    }

    private static bool IsOf(string document, string file) =>
        document.StartsWith(file, StringComparison.Ordinal)
        && (document.Length == file.Length || document[file.Length] == ':');
}
