using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Gpt2Cluster.Compute.Benchmarks;

/// <summary>One line of the table.</summary>
/// <param name="What">What was tried.</param>
/// <param name="Found">What came of it.</param>
/// <param name="Yardstick">What PyTorch makes of the same; <c>-</c> where nobody asked it.</param>
/// <param name="IsRight">Whether it is as it should be; null where it was not tried.</param>
internal sealed record Row(string What, string Found, string Yardstick, bool? IsRight);

/// <summary>
/// All that a device has to show, each part in a process of its own, so that one that dies costs one line of the table.
/// </summary>
internal sealed partial class FirstLight(Options options, FirstLightSizes sizes)
{
    private const int DefaultSeconds = 460;

    // What one part may take at most: a step of the largest model, its parameters drawn on the host, is the longest.
    private static readonly TimeSpan MostOfAPart = TimeSpan.FromSeconds(150);

    private readonly long began = Stopwatch.GetTimestamp();
    private readonly TimeSpan whole = TimeSpan.FromSeconds(options.Number("seconds", DefaultSeconds));
    private readonly List<Row> rows = [];

    /// <summary>Runs everything on the device that the options name and prints the table.</summary>
    /// <returns>0 if every line is right, 1 otherwise.</returns>
    public static Task<int> RunAsync(Options options) => new FirstLight(
        options, options.Device == "cuda" ? FirstLightSizes.OfCard : FirstLightSizes.OfProcessor).RunAsync();

    private async Task<int> RunAsync()
    {
        Add(await DeviceAsync().ConfigureAwait(false));
        if (rows[0].IsRight == true)
        {
            Add(await TestsAsync().ConfigureAwait(false));
            Add(await RepeatAsync("bf16").ConfigureAwait(false));
            Add(await RepeatAsync("fp32").ConfigureAwait(false));
            foreach (var size in sizes.Steps)
                Add(await StepAsync(size).ConfigureAwait(false));
            foreach (var row in await ShortageAsync().ConfigureAwait(false))
                Add(row);
        }

        Console.WriteLine(Table.Of(rows));
        var wrong = rows.Count(row => row.IsRight == false);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{options.Device}: {rows.Count - wrong} of {rows.Count} lines right or left out, after "
                + $"{Stopwatch.GetElapsedTime(began).TotalSeconds:0} s"));
        return wrong == 0 ? 0 : 1;
    }

    private void Add(Row row)
    {
        rows.Add(row);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        Console.Error.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"[{seconds,4:0} s] {row.What}: {row.Found} | {row.Yardstick}"));
    }

    private async Task<Row> DeviceAsync()
    {
        var child = await OwnAsync("device").ConfigureAwait(false);
        if (child.Json is not { } report)
            return new Row("device", child.Failure, "-", false);
        var found = $"{report.GetProperty("Name").GetString()}, libtorch {report.GetProperty("Torch").GetString()}";
        if (report.GetProperty("Copies") is { ValueKind: JsonValueKind.Object } copies)
        {
            found += string.Create(
                CultureInfo.InvariantCulture,
                $"; GB/s up {Rate("PageableToCard"):0.0}, pinned {Rate("PinnedToCard"):0.0}, "
                    + $"down {Rate("FromCard"):0.0}");
            double Rate(string name) => copies.GetProperty(name).GetDouble() / 1e9;
        }

        return new Row("device", found, "-", true);
    }

    private async Task<Row> TestsAsync()
    {
        var program = options.Text("tests", "");
        if (program.Length == 0)
            return new Row("device tests", "no --tests", "-", null);
        // Where CI is set the program colours its summary, also into a pipe.
        List<string> arguments = ["--no-ansi"];
        foreach (var name in sizes.TestClasses)
            arguments.AddRange(["--filter-class", "*." + name]);
        var child = await Child.RunAsync(
            program, arguments, Remaining, ("GPT2CLUSTER_TESTS_DEVICE", sizes.TorchDevice)).ConfigureAwait(false);
        int Count(Regex count) => count.Match(child.Output) is { Success: true } match
            ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)
            : 0;
        var (succeeded, failed) = (Count(Succeeded()), Count(Failed()));
        var found = $"{succeeded} succeeded, {failed} failed";
        if (child.ExitCode != 0)
        {
            var names = string.Join(", ", FailedTest().Matches(child.Output).Select(match => match.Groups[1].Value));
            found += $"; {child.Failure} {names}";
        }

        return new Row("device tests", found, "-", child.ExitCode == 0 && succeeded > 0);
    }

    private async Task<Row> RepeatAsync(string precision)
    {
        var what = $"{sizes.Times} times {sizes.Repeat}, {precision}";
        var child = await OwnAsync(
            "repeat", [.. sizes.Repeat.Arguments, "--precision", precision, "--times", $"{sizes.Times}"])
            .ConfigureAwait(false);
        if (child.Json is not { } result)
            return new Row(what, child.Failure, "-", false);
        var hashes = result.GetProperty("DistinctHashes").GetInt32();
        var hash = result.GetProperty("Hash").GetString()!;
        var loss = result.GetProperty("Loss").GetDouble();
        var found = string.Create(
            CultureInfo.InvariantCulture,
            $"{hashes} hash{(hashes == 1 ? "" : "es")} ({hash[..8]}), loss {loss:0.000}, "
                + $"{1000 * result.GetProperty("SecondsPerMicroBatch").GetDouble():0.0} ms");
        return new Row(what, found, "-", hashes == 1 && double.IsFinite(loss));
    }

    private async Task<Row> StepAsync(StepSize size)
    {
        var child = await OwnAsync("step", [.. size.Arguments, "--steps", $"{sizes.StepCount}"]).ConfigureAwait(false);
        if (child.Json is null && size.Otherwise is { } smaller)
        {
            Console.Error.WriteLine($"{size}: {child.Failure}");
            return await StepAsync(smaller).ConfigureAwait(false);
        }

        var yardstick = await PyTorchAsync(size).ConfigureAwait(false);
        if (child.Json is not { } result)
            return new Row($"step {size}", child.Failure, yardstick, false);
        var rate = result.GetProperty("TokensPerSecond").GetDouble();
        var found = string.Create(
            CultureInfo.InvariantCulture,
            $"{1000 * result.GetProperty("SecondsPerStep").GetDouble():0.0} ms, {rate:0} tokens/s");
        return new Row($"step {size}", found, yardstick, double.IsFinite(rate) && rate > 0);
    }

    private async Task<string> PyTorchAsync(StepSize size)
    {
        var script = options.Text("pytorch", "");
        if (script.Length == 0 || !size.IsFull)
            return "-";
        var child = await Child.RunAsync(
            options.Text("python", "python3"),
            [
                script, "bf16", $"{sizes.StepCount}", $"{options.Threads}",
                "--device", sizes.TorchDevice, .. size.Arguments,
            ],
            Remaining).ConfigureAwait(false);
        return child.ExitCode != 0 ? child.Failure
            : child.Output.Split('(', StringSplitOptions.TrimEntries)[0][(child.Output.IndexOf(' ') + 1)..];
    }

    private async Task<Row[]> ShortageAsync()
    {
        var child = await OwnAsync("out-of-memory", [.. sizes.Shortage]).ConfigureAwait(false);
        return [.. new[] { "Forward", "Backward" }.Select(pass =>
        {
            var what = $"out of memory, {pass.ToLowerInvariant()}";
            if (child.Json is not { } result)
                return new Row(what, child.Failure, "-", false);
            var times = result.GetProperty(pass).GetInt32();
            var isRight = times > 0 && result.GetProperty("SameBits").GetBoolean();
            var message = result.GetProperty(pass + "Message").GetString() ?? "it never ran out there";
            var survived = isRight ? "survived" : "not as it should be";
            return new Row(what, $"{survived}, {times} times: {message[..Math.Min(60, message.Length)]}", "-", isRight);
        })];
    }

    private TimeSpan Remaining
    {
        get
        {
            var left = whole - Stopwatch.GetElapsedTime(began);
            return left < MostOfAPart ? left : MostOfAPart;
        }
    }

    private Task<Child> OwnAsync(string command, params string[] arguments) => Child.RunAsync(
        Environment.ProcessPath!, [command, "--device", options.Device, .. arguments], Remaining);

    [GeneratedRegex(@"^\s+succeeded: (\d+)", RegexOptions.Multiline)]
    private static partial Regex Succeeded();

    [GeneratedRegex(@"^\s+failed: (\d+)", RegexOptions.Multiline)]
    private static partial Regex Failed();

    [GeneratedRegex(@"^failed \S*\.(\w+\.\w+)", RegexOptions.Multiline)]
    private static partial Regex FailedTest();
}
