using System.Collections.Concurrent;
using Gpt2Cluster.Core;
using Gpt2Cluster.Data.Models;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Grains.Models;

/// <summary>
/// The vocabularies that runs were begun with, copied here from other silos where they are wanted. Everything blocks:
/// call it on a thread of its own, never in a grain's turn.
/// </summary>
internal sealed class StoredVocabularies(StoredPaths paths, IPeerDisks peers)
{
    private readonly ConcurrentDictionary<string, Gpt2Vocabulary> known = new(StringComparer.Ordinal);

    /// <summary>The vocabulary of a hash; OpenAI's for null.</summary>
    /// <exception cref="IOException">No silo that can be reached has it.</exception>
    /// <exception cref="UserErrorException">It is damaged.</exception>
    public Gpt2Vocabulary Open(string? sha256)
    {
        if (sha256 is null)
            return Gpt2Vocabulary.BuiltIn;
        if (known.TryGetValue(sha256, out var found))
            return found;
        var relative = $"{VocabularyDirectory.FolderName}/{sha256}";
        var folder = paths.FolderOf(relative);
        if (!Directory.Exists(folder) && !peers.BringFromAny(relative))
        {
            throw new IOException($"no silo that can be reached has the run's vocabulary {sha256}; start one that has "
                + "served the run");
        }

        return known[sha256] = VocabularyDirectory.Open(folder, sha256);
    }
}
