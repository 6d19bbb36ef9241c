using System.Text.Json.Nodes;
using Gpt2Cluster.Contracts;
using Gpt2Cluster.Contracts.Jobs;
using Gpt2Cluster.Core.Names;
using Gpt2Cluster.Grains.Tests.Silos;

namespace Gpt2Cluster.Grains.Tests.Jobs;

/// <summary>What whoever asked for a job hears of it.</summary>
[Collection(TwoSilosCollection.Name)]
public sealed class JobGrainTests(TwoSilos silos)
{
    private static readonly TimeSpan EventBound = TimeSpan.FromSeconds(30);

    private static readonly JobRequest Bench = new()
    {
        BenchStep = new BenchStepRequest
        {
            Preset = "tiny",
            BatchSize = 1,
            SequenceLength = 8,
            Precision = "fp32",
            Steps = 3,
        },
    };

    [Fact]
    public async Task A_job_streams_its_events_in_order_and_ends_with_its_result()
    {
        var job = Job();
        await job.Start(Generate(count: 2, length: 3));
        var lines = await AllEvents(job);
        Assert.Equal(Enumerable.Range(1, lines.Count), lines.Select(line => (int)line.Sequence));
        var events = lines.ConvertAll(line => JsonNode.Parse(line.Json)!);
        Assert.Equal(("result", null), ((string?)events[^1]["event"], (string?)events[^1]["message"]));
        Assert.Equal(2, (int?)events[^1]["samples"]);
        var samples = events.FindAll(each => (string?)each["event"] == "sample");
        Assert.Equal([1, 2], samples.Select(sample => (int?)sample["index"]));
        Assert.All(samples, sample => Assert.Equal("TheTheThe", (string?)sample["text"]));

        // Whoever has lost its way back asks from where it stood; whoever asks for it again begins nothing.
        Assert.Equal(lines[2..], await job.EventsAfter(2));
        await job.Start(Generate(count: 1, length: 1));
        Assert.Equal(lines, await AllEvents(job));
    }

    [Fact]
    public async Task A_question_waits_for_the_first_event()
    {
        using var gate = new ManualResetEventSlim();
        silos.A.Measure = cancellation =>
        {
            gate.Wait(EventBound, cancellation);
            return new JsonObject { ["steps"] = 3 };
        };
        var job = Job();
        await job.Start(Bench);
        var asked = job.EventsAfter(0);
        gate.Set();
        var line = Assert.Single(await asked);
        Assert.Equal("""{"event":"result","steps":3}""", line.Json);
    }

    [Fact]
    public async Task A_job_that_is_cancelled_says_so()
    {
        using var begun = new SemaphoreSlim(0);
        silos.A.Measure = cancellation =>
        {
            begun.Release();
            cancellation.WaitHandle.WaitOne(EventBound);
            cancellation.ThrowIfCancellationRequested();
            return [];
        };
        var job = Job();
        await job.Start(Bench);
        Assert.True(await begun.WaitAsync(EventBound), "The job has not begun.");
        await job.Cancel();
        Assert.Equal("The work was cancelled.", await Error(job));
    }

    [Theory]
    [InlineData(null, "", "The job names nothing to do.", "is_bad_input")]
    [InlineData(ParameterSourceKind.Scratch, "none", "no preset 'scratch:none'", "is_bad_input")]
    [InlineData(ParameterSourceKind.Model, "nobodys", "No model named nobodys is in the cluster", "is_bad_input")]
    [InlineData(ParameterSourceKind.Run, "nobodys", "nobodys", "is_not_found")]
    public async Task What_cannot_be_done_is_one_sentence(
        ParameterSourceKind? kind, string name, string said, string isWhat)
    {
        var job = Job();
        await job.Start(kind is { } source ? Generate(1, 1, source, name) : new JobRequest());
        var error = JsonNode.Parse((await AllEvents(job))[^1].Json)!;
        Assert.Equal("error", (string?)error["event"]);
        var message = (string)error["message"]!;
        Assert.Contains(said, message, StringComparison.Ordinal);
        Assert.EndsWith(".", message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
        Assert.True((bool?)error[isWhat]);
    }

    [Theory]
    [InlineData("CUDA error: an illegal memory access was encountered", true)]
    [InlineData("CUDA out of memory. Tried to allocate 1.50 GiB.", false)]
    public async Task A_device_that_fails_is_told_of_and_ends_the_silo_only_when_it_is_lost(string said, bool endsSilo)
    {
        var before = silos.A.Lost.Count;
        silos.A.Measure = _ => throw new InvalidOperationException(said);
        var job = Job();
        await job.Start(Bench);
        Assert.Equal($"The silo could not do the work: {said}", await Error(job));
        Assert.Equal(endsSilo ? [silos.A.Worker] : [], silos.A.Lost.Skip(before));
    }

    [Fact]
    public async Task A_job_that_nobody_has_started_here_is_lost()
    {
        var line = Assert.Single(await Job().EventsAfter(7));
        Assert.Equal(8, line.Sequence);
        Assert.Equal("The silo was restarted and the work is lost; try it again.", Message(line));
    }

    /// <summary>Nobody would ever say anything of one that was taken for started.</summary>
    [Fact]
    public async Task A_job_on_a_device_that_is_not_there_is_never_started()
    {
        var job = silos.Grains.Job(new JobId(new WorkerId(silos.A.Name, 1), Guid.NewGuid().ToString("N")));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => job.Start(Bench));
        await Assert.ThrowsAnyAsync<ArgumentException>(() => job.Start(Bench));
        Assert.Contains("try it again", Assert.Single(await job.EventsAfter(0)).Json, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_evaluation_brings_its_dataset_and_counts_every_target_once()
    {
        ushort[] tokens = [.. Enumerable.Range(500, 2500).Select(token => (ushort)token)];
        var dataset = await silos.Grains.StoreDataset(silos.B.Name, tokens);
        var job = Job();
        await job.Start(new JobRequest
        {
            Evaluate = new EvaluateRequest
            {
                Source = new ParameterSource { Kind = ParameterSourceKind.Scratch, Name = "tiny" },
                DatasetHash = dataset.Hash,
            },
        });
        var result = JsonNode.Parse((await AllEvents(job))[^1].Json)!;
        Assert.Equal((null, 2499), ((string?)result["message"], (int?)result["targets"]));
        Assert.Contains(dataset.Hash, silos.A.Entries("datasets"));
        var counted = silos.A.Replica.Validated.SelectMany(each => each.FirstTargets.SelectMany((first, window) =>
            each.Batch.Tokens.ToArray().Skip(window * (each.Batch.SequenceLength + 1) + 1 + first)
                .Take(each.Batch.SequenceLength - first)));
        Assert.Equal(tokens.Skip(1), counted);
    }

    private IJob Job() =>
        silos.Grains.Job(new JobId(new WorkerId(silos.A.Name, 0), Guid.NewGuid().ToString("N")));

    private static JobRequest Generate(
        int count,
        int length,
        ParameterSourceKind kind = ParameterSourceKind.Scratch,
        string name = "tiny") => new()
        {
            Generate = new GenerateRequest
            {
                Source = new ParameterSource { Kind = kind, Name = name },
                Prompt = "The",
                Count = count,
                Length = length,
            },
        };

    private static async Task<List<JobEventLine>> AllEvents(IJob job)
    {
        var lines = new List<JobEventLine>();
        while (lines.Count == 0 || (string)JsonNode.Parse(lines[^1].Json)!["event"]! is not ("result" or "error"))
        {
            lines.AddRange(await TwoSilos.Ask(
                () => job.EventsAfter(lines.Count == 0 ? 0 : lines[^1].Sequence), found => found.Length > 0));
        }

        return lines;
    }

    private static async Task<string?> Error(IJob job)
    {
        var last = JsonNode.Parse((await AllEvents(job))[^1].Json)!;
        Assert.Equal("error", (string?)last["event"]);
        return (string?)last["message"];
    }

    private static string? Message(JobEventLine line) => (string?)JsonNode.Parse(line.Json)!["message"];
}
