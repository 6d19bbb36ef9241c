using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests.Commands;

/// <summary>Texts of models that say what they are told, through the command line.</summary>
[Collection(ToldCollection.Name)]
public sealed class GenerateCommandTests(Cluster cluster)
{
    private const int End = 50256;
    private const int One = 530; // " one"
    private const int Two = 734; // " two"
    private const int Three = 1115; // " three"
    private const int Four = 1440; // " four"

    private static readonly string[] Greedy = ["--temperature", "0", "--precision", "fp32"];

    [Fact]
    public void Ids_of_a_padded_vocabulary_are_never_drawn_by_generate_nor_in_samples_of_a_run()
    {
        var model = Telling("padded", 50304, One, Two, 50300, Four, 50257, Four, 50303);
        var text = Text("--model", model, "--length", "7");
        Assert.StartsWith(" one two", text, StringComparison.Ordinal);
        Assert.Contains(" four", text[8..], StringComparison.Ordinal);
        Assert.Equal(text, Assert.Single(SamplesOfRun("padded", model, "--sample-length", "7")));
    }

    [Fact]
    public void A_text_ends_at_the_end_of_text_which_is_not_shown()
    {
        var model = Telling("ending", 50257, One, Two, End, Three, Four, End);
        Assert.Equal(" one two", Text("--model", model, "--length", "5"));
        Assert.Equal(" one two three four", Text("--model", model, "--length", "5", "--ignore-end-of-text"));
        Assert.Equal(" three four", Text("--model", model, "--length", "5", "--prompt", "a b c d"));
        Assert.StartsWith(
            " one two", Text("--model", model, "--length", "5", "--min-length", "3"), StringComparison.Ordinal);
        Assert.NotEqual(" one two", Text("--model", model, "--length", "5", "--min-length", "3"));
    }

    [Fact]
    public void A_terminal_is_told_the_licence_and_a_pipe_is_not()
    {
        string[] words = ["generate", "--run", "told", "--length", "2"];
        using var terminal = ClientProcess.StartOnTerminal(cluster.Folder, 80, 24, words);
        Assert.True(terminal.WaitForExit() == 0, terminal.Said);
        Assert.Contains(
            "\u001b[2mrun:told is under the licence CC-BY-4.0.\u001b[0m", terminal.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("licence", cluster.Ok(words).Said, StringComparison.Ordinal);
        Assert.DoesNotContain("licence", cluster.Ok([.. words, "--json"]).Said, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stop_is_found_over_several_tokens_and_nothing_of_it_is_shown()
    {
        var model = Telling("stopping", 50257, One, Two, Three, Four, Four);
        Assert.Equal(" one tw", Text("--model", model, "--length", "4", "--stop", "our", "--stop", "o th"));
        Assert.Equal(" one tw", Text("--model", model, "--length", "4", "--truncate", "o th"));
        Assert.Equal(" one two three four", Text("--model", model, "--length", "4", "--stop", "four!"));
        Assert.Equal("Sea one tw", Shown([.. Words(model, 4), "--prefix", "Sea", "--stop", "o th"]));
    }

    [Fact]
    public void Prompts_are_read_as_datasets_are_and_keep_their_end_where_they_do_not_fit()
    {
        var model = Telling("prompted", 50257, [.. Enumerable.Range(0, 32).SelectMany(_ => new[] { One, Two })]);
        Assert.Equal(" one two", Text("--model", model, "--length", "2", "--prompt", "<|endoftext|>"));
        Assert.Equal(" two one", Text("--model", model, "--length", "2", "--prompt", "a<|endoftext|>"));
        var file = Path.Combine(cluster.Folder.Path, "prompt.txt");
        File.WriteAllBytes(file, [0xEF, 0xBB, 0xBF, .. "a\r\nb\r\n"u8]);
        Assert.Equal("a\nb\n two one", Shown([.. Words(model, 2), "--prompt-file", file]));
        Assert.Equal(" two one", Shown([.. Words(model, 2), "--prompt-file", file, "--include-prefix", "no"]));

        // 61 of 64 positions are left to the prompt, whose last token stands at the sixty-first.
        var tooLong = string.Concat(Enumerable.Repeat(" a", 100));
        var said = cluster.Ok([.. Words(model, 3), "--prompt", tooLong, "--json"]);
        Assert.Equal(
            " one two one", JsonDocument.Parse(said.Output).RootElement.GetProperty("text").GetString());
        Assert.Contains("only its last 61 are read", said.Errors, StringComparison.Ordinal);
        Assert.Contains(
            "choose 63 or less",
            cluster.Refused(2, "generate", "--model", model, "--length", "64"),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Many_texts_are_those_of_fewer_and_go_to_files_on_request()
    {
        var folder = Path.Combine(cluster.Folder.Path, "texts");
        string[] words = ["generate", "--run", "told", "--length", "9", "--precision", "fp32", "--seed", "3"];
        string[] Samples(int count) =>
        [
            .. cluster.Ok([.. words, "--num", $"{count}", "--json"]).Output.TrimEnd('\n').Split('\n')
                .Select(line => JsonDocument.Parse(line).RootElement)
                .OrderBy(one => one.GetProperty("index").GetInt32())
                .Select(one => one.GetProperty("text").GetString()!),
        ];
        var many = Samples(20);
        Assert.Equal(20, many.Length);
        Assert.Equal(many[..3], Samples(3));
        Assert.Equal(
            Path.Combine(folder, $"samples-{Cluster.Steps}"),
            cluster.Ok([.. words, "--num", "3", "--out", folder + "/"]).Output.TrimEnd('\n'));
        var expected = many[..3].Select((text, index) => $"======== SAMPLE {index + 1} ========\n{text}\n");
        Assert.Equal(
            string.Join('\n', expected), File.ReadAllText(Path.Combine(folder, $"samples-{Cluster.Steps}")));
    }

    [Fact]
    public void Samples_of_a_run_have_several_prompts_and_the_rules_of_generate()
    {
        var model = Telling("ruled", 50257, One, Two, Three, Four, End);
        var texts = SamplesOfRun(
            "ruled", model, "--sample-length", "9", "--sample-prompt", "a", "--sample-prompt", "b c", "--sample-num",
            "2", "--sample-stop", "hree", "--sample-stop", " fo");
        Assert.Equal(["a one two t", "a one two t", "b c two t", "b c two t"], texts);
        Assert.Equal(
            " one two three four", Assert.Single(SamplesOfRun("ruled-2", model, "--sample-length", "9")));
    }

    private static string[] Words(string model, int length) =>
        ["generate", "--model", model, "--length", $"{length}", .. Greedy];

    private string Telling(string name, int vocabulary, params int[] says) => TellingModel.Write(
        Path.Combine(cluster.Folder.Path, name), [.. says, .. Enumerable.Repeat(Four, 64 - says.Length)], vocabulary);

    private string Text(params string[] arguments) =>
        cluster.Json(["generate", .. arguments, .. Greedy]).GetProperty("text").GetString()!;

    private string Shown(string[] arguments) => cluster.Ok(arguments).Output.TrimEnd('\n');

    private string[] SamplesOfRun(string run, string model, params string[] arguments) =>
    [
        .. cluster.Ok(
        [
            "train", Repository.Verses, "--run", run, "--model", model, "--steps", "1", "--batch-size", "1",
            "--micro-batches", "1", "--threads-per-worker", "1", "--val-every", "0", "--sample-every", "1",
            "--learning-rate", "1e-9", "--json", .. Greedy, .. arguments,
        ]).Output.Split('\n')
            .Where(line => line.Contains("\"event\":\"sample\"", StringComparison.Ordinal))
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("text").GetString()!),
    ];
}
