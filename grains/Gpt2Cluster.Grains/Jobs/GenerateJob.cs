using System.Text.Json.Nodes;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Data.Datasets;
using Gpt2Cluster.Data.Tokens;
using Gpt2Cluster.Grains.Models;

namespace Gpt2Cluster.Grains.Jobs;

/// <summary>Text from a model: pieces as they come, and each sample whole once it is over.</summary>
internal static class GenerateJob
{
    private const string NoEndOfText =
        "The model's vocabulary has no end-of-text token: a text goes on to --length, and one without a prompt begins "
        + "with a line's end.";

    /// <summary>Does the work.</summary>
    /// <exception cref="UserErrorException">The wish does not fit the model.</exception>
    public static JsonObject Run(JobWork work, GenerateRequest wish)
    {
        Check(wish);
        var precision = work.DecodingPrecisionOf(wish.Precision);
        using var parameters = work.Services.Parameters.Open(wish.Source);
        var whole = PromptText.Encode(wish.Prompt, new Gpt2Tokenizer(parameters.Vocabulary));
        var fit = PromptFit.Of(whole.Count, wish.Length, parameters.Shape.ContextLength);
        using var replica = work.CreateReplica(parameters, precision);
        if (parameters.Vocabulary.EndOfText is null)
            work.Events.Add("warning", new JsonObject { ["message"] = NoEndOfText });
        if (fit.Kept < whole.Count)
            work.Events.Add("warning", new JsonObject { ["message"] = Cut(whole.Count, fit, parameters) });
        var request = Request(
            wish, parameters.Vocabulary, [.. whole.Skip(whole.Count - fit.Kept)], fit.Length);
        var run = wish.Source.Kind == ParameterSourceKind.Run ? wish.Source.Name : null;
        var samples = Enumerable.Range(0, wish.Count)
            .Select(index => new Sample(
                run, replica.Step, index, request, new GeneratedText(parameters.Vocabulary, wish.Stops), work.Events))
            .ToArray();
        replica.Generate(
            [request],
            TextBound.AtOnce(parameters.Shape, fit.Kept + fit.Length),
            (_, token) => samples[token.Sample].Add(token),
            work.Cancellation);
        return new JsonObject { ["samples"] = wish.Count, ["prompt_tokens"] = fit.Kept };
    }

    private static void Check(GenerateRequest wish)
    {
        if (wish.Length < 1 || wish.Count < 1)
            throw new UserErrorException("--length and --num must be 1 or more.");
        if (!(wish.RepetitionPenalty > 0) || wish.NoRepeatNgram < 0 || wish.MinLength < 0)
        {
            throw new UserErrorException(
                "--repetition-penalty must be above 0, and --no-repeat-ngram and --min-length 0 or more.");
        }

        if (wish.Stops.Contains(""))
            throw new UserErrorException("--stop takes a text that is not empty.");
    }

    private static string Cut(int promptCount, PromptFit fit, OpenParameters parameters) =>
        $"The prompt has {promptCount} tokens; only its last {fit.Kept} are read, so that {fit.Length} more fit the "
        + $"model's context of {parameters.Shape.ContextLength}.";

    private static GenerationRequest Request(
        GenerateRequest wish, Gpt2Vocabulary vocabulary, IReadOnlyList<int> prompt, int length) => new()
        {
            Prompt = prompt,
            Length = length,
            Count = wish.Count,
            Temperature = wish.Temperature,
            TopK = wish.TopK,
            TopP = wish.TopP,
            RepetitionPenalty = wish.RepetitionPenalty,
            NoRepeatNgram = wish.NoRepeatNgram,
            MinLength = wish.MinLength,
            Seed = wish.Seed,
            TokenCount = vocabulary.Count,
            NeverDrawn = vocabulary.NeverDrawn,
            StopToken = wish.IgnoreEndOfText ? null : vocabulary.EndOfText,
        };

    private sealed class Sample(
        string? run, long step, int index, GenerationRequest request, GeneratedText text, JobEvents events)
    {
        /// <summary>Takes a token and says whether the sample goes on.</summary>
        public bool Add(GeneratedToken token)
        {
            Say(text.Add(token.Token));
            var goesOn = !text.IsStopped && !request.EndsWith(token);
            if (!goesOn)
                Finish();
            return goesOn;
        }

        private void Finish()
        {
            Say(text.Finish());
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
            if (piece.Length > 0)
                events.Add("token", new JsonObject { ["sample"] = index + 1, ["text"] = piece });
        }
    }
}
