using System.Text.Json.Nodes;
using Gpt2Cluster.Data.Inspection;

namespace Gpt2Cluster.Client.Inspection;

/// <summary>What <c>inspect --json</c> says of a corpus.</summary>
internal static class CorpusFields
{
    /// <summary>The fields.</summary>
    public static JsonObject Of(InspectedCorpus corpus)
    {
        var (facts, repeats) = (corpus.Facts, corpus.Repeats);
        return new JsonObject
        {
            ["files"] = corpus.FileCount,
            ["bytes"] = corpus.FileBytes,
            ["text_bytes"] = facts.TextBytes,
            ["documents"] = facts.Tokens.DocumentCount,
            ["tokens"] = facts.Tokens.TokenCount,
            ["bytes_per_token"] = facts.BytesPerToken,
            ["byte_tokens"] = facts.LoneByteCount,
            ["byte_token_share"] = facts.LoneByteShare,
            ["longest_document"] = Document(facts.Longest),
            ["shortest_document"] = Document(facts.Shortest),
            ["sha256_of_uint16_little_endian"] = facts.Tokens.Sha256,
            ["duplicates"] = new JsonObject
            {
                ["documents"] = repeats.DuplicateDocumentCount,
                ["tokens"] = repeats.DuplicateTokenCount,
                ["share"] = corpus.ShareOf(repeats.DuplicateTokenCount),
                ["is_lower_bound"] = !repeats.DuplicatesAreExact,
                ["files"] = Files(repeats.DuplicateFiles, "documents"),
            },
            ["repeated_passages"] = Passages(corpus),
            ["validation"] = Validation(corpus),
        };
    }

    private static JsonObject Passages(InspectedCorpus corpus)
    {
        var repeats = corpus.Repeats;
        return new JsonObject
        {
            ["passages"] = repeats.PassageCount,
            ["tokens"] = repeats.PassageTokenCount,
            ["share"] = corpus.ShareOf(repeats.PassageTokenCount),
            ["is_lower_bound"] = true,
            ["counted_from_tokens"] = repeats.CountedTokens,
            ["certain_from_tokens"] = repeats.CertainTokens,
            ["longest"] = new JsonArray([.. repeats.LongestPassages.Select(passage => new JsonObject
            {
                ["tokens"] = passage.TokenCount,
                ["file"] = passage.File,
                ["first_file"] = passage.FirstFile,
                ["text"] = passage.Text,
            })]),
            ["files"] = Files(repeats.PassageFiles, "passages"),
        };
    }

    private static JsonObject Validation(InspectedCorpus corpus)
    {
        var overlap = corpus.Repeats.Overlap;
        return new JsonObject
        {
            ["sequence_length"] = corpus.SequenceLength,
            ["training_tokens"] = corpus.Split.TrainingTokenCount,
            ["validation_tokens"] = corpus.Split.ValidationTokenCount,
            ["documents_in_training"] = overlap?.DocumentCount ?? 0,
            ["tokens_in_training"] = overlap?.TokenCount ?? 0,
            ["share_in_training"] = overlap?.Share ?? 0,
            ["is_lower_bound"] = true,
            ["files"] = Files(overlap?.Files ?? [], "repeats"),
        };
    }

    private static JsonObject Document(DocumentLength document) => new()
    {
        ["tokens"] = document.TokenCount,
        ["file"] = document.Name,
    };

    private static JsonArray Files(IReadOnlyList<RepeatedFile> files, string counted) =>
        new([.. files.Select(file => new JsonObject
        {
            ["file"] = file.File,
            ["first_file"] = file.FirstFile,
            [counted] = file.Count,
            ["tokens"] = file.TokenCount,
        })]);
}
