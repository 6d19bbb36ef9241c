using Gpt2Cluster.Core;

namespace Gpt2Cluster.Data.Sources;

/// <summary>
/// The files of a folder and the folders in it. Links are followed, but not into a folder that the walk is in already
/// (as <c>find -L</c> does); hidden names, those that other systems hide too, are left out unless asked for, as a glob
/// leaves them; pipes, sockets and
/// devices are named and left out, and never opened.
/// </summary>
/// <param name="warn">Told what is left out.</param>
internal sealed class FolderWalk(Action<string> warn)
{
    /// <summary>Deepest nesting that is searched.</summary>
    public const int DeepestFolder = 64;

    // What Windows and macOS put into folders and hide there; on other systems anyone sees it.
    private static readonly HashSet<string> HiddenElsewhere = new(StringComparer.OrdinalIgnoreCase)
    {
        "desktop.ini", "Thumbs.db", "ehthumbs.db", "__MACOSX", "Icon\r",
    };

    /// <summary>Whether hidden names are found too.</summary>
    public bool FindsHidden { get; init; }

    /// <summary>Folders below the first one that are searched; 0 for none.</summary>
    public int Depth { get; init; } = DeepestFolder;

    /// <summary>Which files are looked at; a dangling link elsewhere is nobody's mistake.</summary>
    public Func<string, bool> Wants { get; init; } = _ => true;

    /// <summary>The files, in no particular order.</summary>
    /// <exception cref="UserErrorException">A link leads nowhere.</exception>
    /// <exception cref="IOException">Something cannot be looked at; it is named.</exception>
    public List<string> Files(string folder)
    {
        var files = new List<string>();
        Search(folder, [FileStatus.Of(folder).Identity], files);
        return files;
    }

    // Word and its kin put a file ~$... beside a document that is open.
    internal static bool IsHidden(string path) => Path.GetFileName(path.AsSpan()) is var name
        && (name.StartsWith('.') || name.StartsWith("~$") || HiddenElsewhere.Contains(name.ToString()));

    private void Search(string folder, List<string> within, List<string> files)
    {
        foreach (var path in Directory.EnumerateFileSystemEntries(folder, "*", Every))
        {
            if (IsHidden(path) && !FindsHidden)
                continue;
            var status = FileStatus.Of(path);
            if (status.Kind == FileKind.Folder)
                Enter(path, status.Identity, within, files);
            else if (Wants(path))
                Add(path, status.Kind, files);
        }
    }

    private static EnumerationOptions Every { get; } = new()
    {
        AttributesToSkip = FileAttributes.None,
        IgnoreInaccessible = false,
    };

    private void Enter(string folder, string identity, List<string> within, List<string> files)
    {
        if (within.Contains(identity) || within.Count > Depth)
            return;
        within.Add(identity);
        Search(folder, within, files);
        within.RemoveAt(within.Count - 1);
    }

    private void Add(string path, FileKind kind, List<string> files)
    {
        switch (kind)
        {
            case FileKind.File:
                files.Add(path);
                break;
            case FileKind.Missing when new FileInfo(path).LinkTarget is { } target:
                throw new UserErrorException(
                    $"{path} is a link to {target}, which is not there; mend the link or remove it.");
            case FileKind.Missing:
                throw new UserErrorException($"{path} was removed while the folder was read; try again.");
            default:
                warn($"{path} is a {kind.ToString().ToLowerInvariant()}, not a text; it is left out.");
                break;
        }
    }
}
