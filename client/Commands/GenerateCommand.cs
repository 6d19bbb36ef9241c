using System.CommandLine;
using Gpt2Cluster.Client.CommandLine;
using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Client.Jobs;
using Gpt2Cluster.Client.Models;
using Gpt2Cluster.Client.Training;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Client.Commands;

/// <summary><c>generate</c>: text from a model or a run.</summary>
internal sealed class GenerateCommand : ClientCommand
{
    private readonly Option<string?> model = Values.Text(
        "--model", "M", "a name in the store, a directory, run:NAME or scratch:PRESET");

    private readonly Option<string?> run = Values.Text("--run", "R", "a run, in place of a model");

    private readonly Option<string?> checkpoint = Values.Text(
        "--checkpoint", "best|last|STEP", "which checkpoint of the run [default: last]");

    private readonly Option<string?> prompt = Values.FreeText(
        "--prompt", "TEXT", "what the text begins with [default: end-of-text]");

    private readonly Option<string?> promptFile = Values.Text(
        "--prompt-file", "F", "a text file with the prompt: UTF-8, or UTF-16 by its mark");

    private readonly Option<bool> interactive = Values.Flag(
        "--interactive", "reads prompts from standard input, a line each, until it ends");

    private readonly Option<long?> length = Values.WholeNumber(
        "--length", "tokens to add [default: 200 or what fits the context]");

    private readonly Option<long?> count = Values.WholeNumber("--num", "texts [default: 1]");
    private readonly Option<double?> temperature = Values.Number("--temperature", "0 is greedy [default: 1]");
    private readonly Option<long?> topK = Values.WholeNumber("--top-k", "0 for all [default: 40]");
    private readonly Option<double?> topP = Values.Number("--top-p", "0 for all [default: 0]");
    private readonly TextOptions rules = new("--");

    private readonly Option<string?> destination = Values.Text(
        "--out", "FILE|DIR", "writes the texts to a file, or to samples-STEP in a folder, as the original tool does");

    private readonly Option<long?> seed = Values.WholeNumber("--seed", "of the draws [default: 1]");

    private readonly Option<string?> precision = Values.Choice(
        "--precision", "int8: on processors [default: bf16 where the device is fast at it]", "int8", "bf16", "fp32");

    /// <summary>Makes the command.</summary>
    public GenerateCommand()
        : base(
            "generate", "Writes text with a model or a run.", "generate --run run1 --prompt \"The sea\" --length 100")
    {
        Option[] options =
        [
            model, run, checkpoint, prompt, promptFile, interactive, length, count, temperature, topK, topP,
            .. rules.All, destination, seed, precision,
        ];
        prompt.Aliases.Add("--prefix");
        foreach (var option in options)
            Options.Add(option);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> MoreExamples =>
    [
        "generate --model gpt2 --prompt-file begin.txt --num 8 --repetition-penalty 1.2 --stop \"The end\" --out a/",
    ];

    /// <inheritdoc/>
    public override string Remarks =>
        "A text ends at the end-of-text token, which is never shown. A prompt that does not fit the model's context\n"
        + "beside --length keeps its end. --prefix and --truncate are gpt-2-simple's names of --prompt and --stop.";

    /// <inheritdoc/>
    public override async Task<int> Run(CommandContext context, CancellationToken cancellation)
    {
        var name = ModelName(context.Arguments);
        var wish = Wish(context.Arguments);
        var files = context.Arguments.GetValue(destination) is { } path ? new SampleOutput(path) : null;
        _ = new ModelResolver(context).Preview(name);
        await using var session = await ClusterSession.Open(context, cancellation);
        var found = await new ModelResolver(context).Resolve(session, name, cancellation);
        wish = wish with { Source = ModelNames.Source(found, wish.Source.Checkpoint) };
        if (context.Output.IsLive && await Licenses.Of(session, found, cancellation) is { } license)
            context.Output.Footnote($"{found.Name} is under the licence {license}.");
        if (!context.Arguments.GetValue(interactive))
            await Generate(context, session, wish, files, cancellation);
        else
            await Converse(context, session, wish, cancellation);
        return ExitCodes.Done;
    }

    private async Task Converse(
        CommandContext context, ClusterSession session, GenerateRequest wish, CancellationToken cancellation)
    {
        while (true)
        {
            context.Output.WriteMessage("Model prompt >>> ");
            if (await Console.In.ReadLineAsync(cancellation) is not { } line)
                return;
            if (line.Length == 0)
                context.Output.WriteMessage("Prompt should not be empty!");
            else
                await Generate(context, session, wish with { Prompt = line }, null, cancellation);
        }
    }

    private async Task Generate(
        CommandContext context,
        ClusterSession session,
        GenerateRequest wish,
        SampleOutput? files,
        CancellationToken cancellation)
    {
        var worker = await JobCall.AnyWorker(session, cancellation, ServingWorkers.Generating(wish.Precision));
        var request = new JobRequest { Generate = wish };
        var shown = context.Arguments.GetValue(rules.IncludePrefix) == "no" ? "" : wish.Prompt;
        var screen = files is null ? new SampleScreen(context.Output, shown, wish.Count) : null;
        var texts = new string[wish.Count];
        var step = 0L;
        await foreach (var item in JobCall.Events(session, worker, request, cancellation))
        {
            switch (item.Kind)
            {
                case "warning":
                    context.Output.Warn(Text(item, "message"));
                    break;
                case "token":
                    screen?.Piece(Number(item, "sample"), Text(item, "text"));
                    break;
                case "sample":
                    context.Output.JsonLine(item.Json);
                    screen?.Over(Number(item, "index"));
                    texts[Number(item, "index") - 1] = shown + Text(item, "text");
                    step = item.Fields["step"]?.GetValue<long>() ?? 0;
                    break;
            }
        }

        if (files is not null)
            context.Output.Result(files.Write(step, texts));
    }

    private static int Number(JobEvent item, string field) => item.Fields[field]!.GetValue<int>();

    private static string Text(JobEvent item, string field) => item.Fields[field]!.GetValue<string>();

    private string ModelName(ParseResult arguments)
    {
        var (named, ofRun) = (arguments.GetValue(model), arguments.GetValue(run));
        if (named is null == ofRun is null)
            throw new UsageException("'generate' needs either --model M or --run R.");
        var name = named ?? ModelReference.RunPrefix + ofRun;
        if (arguments.GetValue(checkpoint) is not null && ModelNames.RunOf(name) is null)
            throw new UsageException("--checkpoint goes with a run.");
        return name;
    }

    private GenerateRequest Wish(ParseResult arguments)
    {
        var which = arguments.GetValue(checkpoint) ?? "last";
        if (which is not ("best" or "last") && !which.All(char.IsAsciiDigit))
            throw new UsageException($"--checkpoint takes best, last or a step, not '{which}'.");
        var (added, least) = (arguments.GetValue(length), arguments.Whole(rules.MinLength, 0));
        if (least > added)
            throw new UsageException($"--min-length {least} is beyond --length {added}; lower it.");
        if (arguments.GetValue(rules.RepetitionPenalty) <= 0)
            throw new UsageException("--repetition-penalty takes a number above 0; 1 is off.");
        return new GenerateRequest
        {
            Source = new ParameterSource
            {
                Kind = ParameterSourceKind.Model,
                Name = ModelName(arguments),
                Checkpoint = which,
            },
            Prompt = Prompt(arguments),
            Length = added is null ? null : arguments.Whole(length, 1, least: 1),
            Count = arguments.Whole(count, 1, least: 1),
            Temperature = arguments.Real(temperature, 1, 0, double.PositiveInfinity),
            TopK = arguments.Whole(topK, 40),
            TopP = arguments.Real(topP, 0, 0, 1),
            Seed = (ulong)(arguments.GetValue(seed) ?? 1),
            Precision = arguments.GetValue(precision),
            RepetitionPenalty = arguments.GetValue(rules.RepetitionPenalty) ?? 1,
            NoRepeatNgram = arguments.Whole(rules.NoRepeatNgram, 0),
            MinLength = least,
            Stops = arguments.GetValue(rules.Stop) ?? [],
            IgnoreEndOfText = arguments.GetValue(rules.IgnoreEndOfText),
        };
    }

    private string Prompt(ParseResult arguments)
    {
        var (text, path) = (arguments.GetValue(prompt), arguments.GetValue(promptFile));
        if ((text ?? path) is not null && arguments.GetValue(interactive))
            throw new UsageException("--interactive asks for prompts; --prompt and --prompt-file do not go with it.");
        if (arguments.GetValue(destination) is not null && arguments.GetValue(interactive))
            throw new UsageException("--interactive shows what it is asked for; --out does not go with it.");
        if (text is not null && path is not null)
            throw new UsageException("The prompt is given twice: with --prompt and with --prompt-file.");
        return path is null ? text ?? "" : PromptFile.Read(promptFile.Name, path);
    }
}
