using System.Text.RegularExpressions;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Storage;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Data.Models;

/// <summary>
/// The folder <c>vocabularies/</c> of the data folder: one folder a vocabulary that runs were begun with and that is
/// not OpenAI's, named by its hash. What a run needs of it outlives the model that brought it.
/// </summary>
/// <param name="root">The folder; made when it is needed.</param>
public sealed partial class VocabularyDirectory(string root)
{
    /// <summary>The file in a vocabulary's folder.</summary>
    public const string FileName = "vocabulary.json";

    /// <summary>The folder's name in a data folder.</summary>
    public const string FolderName = "vocabularies";

    /// <summary>Most bytes of the file.</summary>
    public const int LongestBytes = 64 << 20;

    /// <summary>Keeps a vocabulary, unless it is here, and sound, or built in.</summary>
    /// <exception cref="UserErrorException">The folder cannot be written.</exception>
    public void Store(Gpt2Vocabulary vocabulary)
    {
        ArgumentNullException.ThrowIfNull(vocabulary);
        if (vocabulary.Reference is not { } sha256)
            return;
        var isHere = Directory.Exists(Path.Combine(root, sha256));
        if (isHere && !IsDamaged(sha256))
            return;
        Directory.CreateDirectory(root);
        using var staged = new StagedFolder(Path.Combine(root, sha256));
        File.WriteAllBytes(staged.File(FileName), VocabularyContent.Write(vocabulary));
        try
        {
            if (isHere)
                staged.Replace(sha256);
            else
                staged.Publish();
        }
        catch (UserErrorException) when (Directory.Exists(Path.Combine(root, sha256)))
        {
            // Another silo that shares this folder was faster.
        }
    }

    /// <summary>Whether a vocabulary is here and sound; the built-in one is.</summary>
    /// <param name="reference"><see cref="Gpt2Vocabulary.Reference"/>.</param>
    public bool Contains(string? reference) => reference is null || !IsDamaged(reference);

    /// <summary>Reads the vocabulary of a hash.</summary>
    /// <exception cref="UserErrorException">It is damaged, or not here.</exception>
    public Gpt2Vocabulary Open(string sha256) => Open(Path.Combine(root, sha256), sha256);

    /// <summary>Reads the vocabulary in a folder and compares it with its hash.</summary>
    /// <exception cref="UserErrorException">It is damaged, or not here.</exception>
    public static Gpt2Vocabulary Open(string folder, string sha256)
    {
        if (!Hash().IsMatch(sha256))
            throw new UserErrorException($"'{sha256}' names no vocabulary.");
        var path = Path.Combine(folder, FileName);
        try
        {
            if (Read(File.ReadAllBytes(path), path) is { } read && read.Sha256 == sha256)
                return read;
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new UserErrorException($"{path} cannot be used: {problem.Message.TrimEnd('.')}.", problem);
        }

        throw new UserErrorException($"{path} is damaged: it does not have the hash in its name; remove its folder and "
            + "submit a run with the model again.");
    }

    /// <summary>Reads the file's content.</summary>
    /// <exception cref="InvalidDataException">It is no vocabulary.</exception>
    public static Gpt2Vocabulary Read(ReadOnlyMemory<byte> content, string place) =>
        VocabularyContent.Read(content, place);

    /// <summary>The file's content for a vocabulary.</summary>
    public static byte[] Write(Gpt2Vocabulary vocabulary) => VocabularyContent.Write(vocabulary);

    private bool IsDamaged(string sha256)
    {
        try
        {
            _ = Open(sha256);
            return false;
        }
        catch (UserErrorException)
        {
            return true;
        }
    }

    [GeneratedRegex(@"\A[0-9a-f]{64}\z")]
    private static partial Regex Hash();
}
