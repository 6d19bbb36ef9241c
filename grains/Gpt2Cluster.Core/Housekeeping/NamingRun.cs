namespace Gpt2Cluster.Core.Housekeeping;

/// <summary>A run that has named a dataset: as long as people have not deleted it, it may need the dataset.</summary>
/// <param name="Cluster">
/// The id of its cluster. Another cluster whose silos share the folder cannot ask that one, which may be shut down.
/// </param>
/// <param name="Run">Its name.</param>
/// <param name="Life">Its life; empty for runs that were begun before lives had names.</param>
public sealed record NamingRun(string Cluster, string Run, string Life)
{
    // None of the characters that are left as they are.
    private const char Separator = '@';

    /// <summary>
    /// The name of an empty file that says it: the three parts, percent-encoded, so that no part holds what separates
    /// them.
    /// </summary>
    public string FileName => string.Join(Separator, new[] { Cluster, Run, Life }.Select(Uri.EscapeDataString));

    /// <summary>Reads a file's name.</summary>
    /// <returns>
    /// The run; for a name of another form one whose cluster is that name, so that it is nobody's who asks.
    /// </returns>
    public static NamingRun Read(string fileName)
    {
        ArgumentNullException.ThrowIfNull(fileName);
        var parts = fileName.Split(Separator);
        if (parts.Length != 3)
            return new NamingRun(fileName, "", "");
        var found = new NamingRun(
            Uri.UnescapeDataString(parts[0]), Uri.UnescapeDataString(parts[1]), Uri.UnescapeDataString(parts[2]));
        return found.FileName == fileName ? found : new NamingRun(fileName, "", "");
    }
}
