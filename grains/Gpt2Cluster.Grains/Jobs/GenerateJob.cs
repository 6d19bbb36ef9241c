using System.Text;
using System.Text.Json.Nodes;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Tokens;

namespace Gpt2Cluster.Grains.Jobs;

/// <summary>Text from a model: pieces as they come, then each sample whole.</summary>
internal static class GenerateJob
{
    /// <summary>Does the work.</summary>
    /// <exception cref="UserErrorException">The wish does not fit the model.</exception>
    public static JsonObject Run(JobWork work, GenerateWish wish)
    {
        using var parameters = work.Services.Parameters.Open(wish.Source);
        var prompt = PromptOf(wish, parameters.Vocabulary);
        var length = LengthOf(wish, prompt.Count, parameters.Shape.ContextLength);
        using var replica = work.CreateReplica(parameters, wish.Precision);
        var run = wish.Source.Kind == "run" ? wish.Source.Name : null;
        var samples = Enumerable.Range(0, wish.Count)
            .Select(index => new Sample(run, replica.Step, index, parameters.Vocabulary, work.Events)).ToArray();
        var request = new GenerationRequest
        {
            Prompt = prompt,
            Length = length,
            Count = wish.Count,
            Temperature = wish.Temperature,
            TopK = wish.TopK,
            TopP = wish.TopP,
            Seed = wish.Seed,
            TokenCount = Gpt2Vocabulary.Count,
        };
        replica.Generate(request, token => samples[token.Sample].Add(token.Token), work.Cancellation);
        foreach (var sample in samples)
            sample.Finish();
        return new JsonObject { ["samples"] = wish.Count, ["prompt_tokens"] = prompt.Count };
    }

    private static int LengthOf(GenerateWish wish, int promptCount, int contextLength)
    {
        if (promptCount >= contextLength)
        {
            throw new UserErrorException(
                $"The prompt has {promptCount} tokens and leaves no room in the model's context of {contextLength}; "
                + "shorten it.");
        }

        var length = wish.Length ?? SamplingOptions.LengthThatFits(contextLength, promptCount);
        return promptCount + (long)length <= contextLength
            ? length
            : throw new UserErrorException(
                $"The prompt ({promptCount} tokens) and --length {length} go beyond the model's context of "
                + $"{contextLength} tokens; shorten one of them.");
    }

    private static IReadOnlyList<int> PromptOf(GenerateWish wish, Gpt2Vocabulary vocabulary)
    {
        if (wish.Length < 1 || wish.Count < 1)
            throw new UserErrorException("--length and --num must be 1 or more.");
        return wish.Prompt.Length == 0 ? [Gpt2Vocabulary.EndOfText] : new Gpt2Tokenizer(vocabulary).Encode(wish.Prompt);
    }

    private sealed class Sample(
        string? run, long step, int index, Gpt2Vocabulary vocabulary, JobEvents events)
    {
        private readonly StreamingDecoder decoder = new(vocabulary);
        private readonly StringBuilder text = new();

        public void Add(int token) => Say(decoder.Add(token));

        public void Finish()
        {
            Say(decoder.Finish());
            events.Add("sample", new JsonObject
            {
                ["run"] = run,
                ["step"] = step,
                ["index"] = index + 1,
                ["text"] = text.ToString(),
            });
        }

        private void Say(string piece)
        {
            if (piece.Length == 0)
                return;
            text.Append(piece);
            events.Add("token", new JsonObject { ["sample"] = index + 1, ["text"] = piece });
        }
    }
}
