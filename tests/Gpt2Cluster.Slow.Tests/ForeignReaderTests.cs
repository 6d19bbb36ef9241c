using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>
/// What is exported to Hugging Face's layout, in other hands: PyTorch with a reader of its own, and Hugging Face's
/// tokenizer.
/// </summary>
public sealed class ForeignReaderTests
{
    /// <summary>Debian's, whatever other Python the path leads to.</summary>
    private const string Python = "/usr/bin/python3";

    private const string Torch = "/usr/lib/python3/dist-packages/torch/__init__.py";

    // fp32 rounding in another order of summation; the same bound as for PyTorch's own numbers.
    private const double LogitTolerance = 2e-5;

    /// <summary>
    /// What the golden weights are multiplied by: as they are, GELU's two formulas differ by less than the tolerance;
    /// three times as large, by fifty times as much.
    /// </summary>
    private const float Factor = 3;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(240);

    private static string Here => Path.Combine(Repository.Root, "tests", "Gpt2Cluster.Slow.Tests");

    private static string Tokenizers => Path.Combine(Here, "tokenizers");

    private static string Benchmarks => Path.Combine(
        Repository.Root, "tests", "Gpt2Cluster.Compute.Benchmarks", "bin", "Release", "net10.0",
        "Gpt2Cluster.Compute.Benchmarks.dll");

    [Fact]
    public void PyTorch_has_our_logits_from_an_exported_model()
    {
        Assert.SkipUnless(File.Exists(Torch), "python3-torch is not installed");
        using var folder = new TestFolder();
        var place = Export(folder, LargeGolden(Path.Combine(folder.Path, "large")));
        Assert.DoesNotContain(
            "lm_head", File.ReadAllText(Path.Combine(place, "model.safetensors")), StringComparison.Ordinal);
        var tokens = string.Join(',', Enumerable.Range(0, 64).Select(position => ((position * 37) + 11) % 512));
        var theirs = Rows(Run(Python, null, Path.Combine(Here, "gpt2_logits.py"), place, tokens));
        var ours = Rows(Run("dotnet", null, Benchmarks, "logits", "--folder", place, "--tokens", tokens));
        Assert.Equal((64, 512), (ours.Length, ours[0].Length));
        Assert.Equal(ours.Length, theirs.Length);
        for (var position = 0; position < ours.Length; position++)
        {
            Assert.Equal(ours[position].Length, theirs[position].Length);
            for (var token = 0; token < ours[position].Length; token++)
                Assert.Equal(theirs[position][token], ours[position][token], LogitTolerance);
        }

        // Logits far beyond the tolerance that are no two positions' the same: nothing was lost to zeros.
        Assert.True(ours.SelectMany(row => row).Max(Math.Abs) > 10_000 * LogitTolerance);
        Assert.Equal(ours.Length, ours.Select(row => row.Max()).Distinct().Count());
    }

    [Fact]
    public void Hugging_Faces_tokenizer_cuts_texts_as_we_do_with_the_exported_file()
    {
        Assert.SkipUnless(
            Directory.Exists(Path.Combine(Tokenizers, "node_modules")),
            "'npm ci' has not run in tests/Gpt2Cluster.Slow.Tests/tokenizers");
        using var folder = new TestFolder();
        var place = Export(folder, SmallModel.Write(Path.Combine(folder.Path, "small")));
        var golden = JsonDocument.Parse(
            File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "Goldens", "tokenizer.json"))).RootElement;

        // There the end-of-text token is special, here and in the original encoder its letters are a text's own.
        var cases = golden.EnumerateArray()
            .Select(one => (
                Text: one.GetProperty("text").GetString()!,
                Ids: one.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToArray()))
            .Where(one => !one.Text.Contains("<|endoftext|>", StringComparison.Ordinal))
            .ToList();
        Assert.True(cases.Count > 60, $"There are {cases.Count} texts to compare only.");
        var texts = JsonSerializer.Serialize(cases.Select(one => one.Text));
        var answer = Run("node", texts, Path.Combine(Tokenizers, "encode.mjs"), place);
        var found = JsonSerializer.Deserialize<int[][]>(answer)!;
        Assert.Equal(cases.Count, found.Length);
        foreach (var (one, ids) in cases.Zip(found))
            Assert.True(one.Ids.SequenceEqual(ids), $"{one.Text}: {string.Join(' ', ids)}");
    }

    /// <summary>The golden model with larger weights.</summary>
    private static string LargeGolden(string folder)
    {
        var golden = Path.Combine(AppContext.BaseDirectory, "Goldens", "numerics");
        Directory.CreateDirectory(folder);
        File.Copy(Path.Combine(golden, "config.json"), Path.Combine(folder, "config.json"));
        var file = File.ReadAllBytes(Path.Combine(golden, "model.safetensors"));
        var data = file.AsSpan(sizeof(ulong) + (int)BinaryPrimitives.ReadUInt64LittleEndian(file));
        foreach (ref var weight in MemoryMarshal.Cast<byte, float>(data))
            weight *= Factor;
        File.WriteAllBytes(Path.Combine(folder, "model.safetensors"), file);
        return folder;
    }

    private static string Export(TestFolder folder, string model)
    {
        var place = Path.Combine(folder.Path, "exported");
        using var client = ClientProcess.Run(folder, "model", "export", model, place);
        Assert.True(client.WaitForExit() == 0, client.Said);
        return place;
    }

    private static double[][] Rows(string text) =>
    [
        .. text.TrimEnd().Split('\n').Select(line =>
            line.Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture)).ToArray()),
    ];

    private static string Run(string program, string? input, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        process.StandardInput.Write(input);
        process.StandardInput.Close();
        if (!process.WaitForExit(Deadline))
        {
            process.Kill(entireProcessTree: true);
            Assert.Fail($"{program} did not end within {Deadline}.");
        }

        Assert.True(process.ExitCode == 0, errors.Result);
        return output.Result;
    }
}
