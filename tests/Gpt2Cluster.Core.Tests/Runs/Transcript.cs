using System.Globalization;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Reduction;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Core.Runs.State;
using Gpt2Cluster.Core.Specification;
using Gpt2Cluster.Core.Tests.Specification;

namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>
/// Plays a readable scenario: lines before the first event set the specification, <c>&gt;</c> lines are events, and
/// what the machine commands is written below each. Generations in events are the current one.
/// </summary>
internal sealed class Transcript
{
    private readonly List<string> output = [];
    private RunSpecification specification = Specifications.Sound with
    {
        MicroBatchCount = 4,
        SaveEvery = 0,
        ValidateEvery = 0,
        Dataset = new DatasetReference("d", 10_000, 501), // two validation micro-batches of two windows
        Schedule = new LearningRateSchedule(ScheduleKind.Constant, 0.001, 0),
        Sampling = new SamplingOptions { Every = 0, Length = 10 },
    };

    private RunState? state;
    private TimeSpan now;

    public static string Play(string text)
    {
        var transcript = new Transcript();
        foreach (var line in text.Split('\n'))
        {
            if (line.StartsWith("> ", StringComparison.Ordinal))
                transcript.Hear(line);
            else if (transcript.state is null)
                transcript.Set(line);
            else if (line.StartsWith('#') || line.Length == 0)
                transcript.output.Add(line);
        }

        return string.Join('\n', transcript.output);
    }

    private void Set(string line)
    {
        output.Add(line);
        if (line.Length == 0 || line.StartsWith('#'))
            return;
        var words = line.Split(' ');
        var value = words.Length > 1 && long.TryParse(words[1], out var number) ? number : 0;
        specification = words[0] switch
        {
            "steps" => specification with { Steps = value },
            "micro-batches" => specification with { MicroBatchCount = (int)value },
            "open" => specification with { Precision = null, ThreadsPerWorker = null },
            "keep" => specification with { Keep = (int)value },
            "save-every" => specification with { SaveEvery = value },
            "val-every" => specification with { ValidateEvery = value },
            "early-stop" => specification with { EarlyStop = (int)value },
            "workers-min" => specification with { Workers = new WorkerRange((int)value, null) },
            "sample-every" => specification with { Sampling = new() { Every = value, Count = 2, Length = 10 } },
            "on-nan" => specification with { OnNan = Enum.Parse<NanPolicy>(words[1], ignoreCase: true) },
            _ => throw new FormatException(line),
        };
    }

    private void Hear(string line)
    {
        output.Add(line);
        var words = line[2..].Split(' ');
        now += TimeSpan.FromSeconds(1);
        if (words[0] == "restart")
            state = new RunState(state!.Record);
        state ??= new RunState(new RunRecord { Specification = specification });
        (state, var commands) = RunMachine.Decide(state, Event(words) with { At = now });
        output.AddRange(commands.Select(command => "  " + CommandText.Of(command)));
    }

    private CoordinatorInput Event(string[] words)
    {
        var generation = state!.Record.Generation;
        var worker = words.Length > 1 ? words[1] : "";
        var rest = string.Join(' ', words.Skip(2));
        switch (words[0])
        {
            case "start" or "restart": return new Started();
            case "offer": return Offer(words[1..]);
            case "choose": // choose KIND CLASS PRECISION THREADS
                return new DevicesChosen(
                    new ChosenDevices(
                        DeviceKinds.Read(worker)!.Value, words[2], Enum.Parse<Precision>(words[3], ignoreCase: true)),
                    int.Parse(words[4]));
            case "lost": return new WorkerLost(worker, generation, rest);
            case "out-of-reach": return new WorkerLost(worker, generation, "it cannot be reached", IsOutOfReach: true);
            case "old-lost": return new WorkerLost(worker, generation - 1, rest);
            case "trouble": return new WorkerTroubled(worker, generation, rest, false);
            case "no-memory":
                return new WorkerTroubled(worker, generation, rest, IsFinal: false, HasNoMemory: true);
            case "bad-input": return new WorkerTroubled(worker, generation, rest, true);
            case "unreachable": // unreachable FROM SILO
                var reason = $"Silo {worker} cannot reach silo {words[2]}.";
                return new SiloUnreachable(worker, words[2], generation, reason);
            case "gone": // gone FROM SILO
                return new SiloUnreachable(worker, words[2], generation, $"Silo {words[2]} is gone.", IsGone: true);
            case "empty": return new ReplicaReady(worker, generation, null, null);
            case "ready": return Ready(words, generation);
            case "ready-avx512":
                return new ReplicaReady(worker, generation, 0, Profiles.Cpu with { InstructionSet = "AVX512" });
            case "ready-flickering":
                return new ReplicaReady(worker, generation, 0, Profiles.Cpu with { RepeatsItself = false });
            case "ready-newer":
                return new ReplicaReady(
                    worker,
                    generation,
                    long.Parse(words[2]),
                    Profiles.Cpu with { Arithmetic = 2, Fingerprint = "beef" });
            case "old-ready": return new ReplicaReady(worker, generation - 1, long.Parse(words[2]), Profiles.Cpu);
            case "exchange": return new ExchangeReady(worker, generation);
            case "report": return Report(words, generation, true);
            case "slow-report": // the worker waits 16 s for averages
                now += TimeSpan.FromSeconds(9);
                return Report(words, generation, true) with { ExposedExchange = TimeSpan.FromSeconds(16) };
            case "report-not-finite": return Report(words, generation, false);
            case "validation": return new ValidationReported(worker, generation, state.Step, Numbers(words[2..]));
            case "samples": return new SampleReported(worker, generation, state.Step, words[2..]);
            case "written":
                var disk = state.Cluster.Disks.FirstOrDefault(disk => disk.Silo == worker.Split('/')[0])?.DataFolderId;
                return new CheckpointWritten(
                    worker, long.Parse(words[2]), words[3], "/c", TimeSpan.FromSeconds(1), disk);
            case "copied": return new CheckpointCopied(worker, long.Parse(words[2]), words[3]);
            case "not-copied": return new CheckpointNotCopied(worker, long.Parse(words[2]), "silo a does not answer");
            case "not-written": return new CheckpointFailed(worker, long.Parse(words[2]), "no space is left");
            case "busy":
                return new CheckpointFailed(worker, long.Parse(words[2]), "the one before is written", IsBusy: true);
            case "found": return Found(words);
            case "missing":
                return new CheckpointUnreachable(worker, generation, long.Parse(words[2]), "silo a is not there");
            case "damaged": return new CheckpointDamaged(long.Parse(words[1]), "model.safetensors has another hash");
            case "hold": return new HoldRequested(long.Parse(words[1]), words[2], words[3]); // hold STEP HASH RUN
            case "pause": return new PauseRequested();
            case "resume": return new ResumeRequested();
            case "cancel": return new CancelRequested();
            case "half-a-minute": now += TimeSpan.FromSeconds(29); return new Ticked();
            case "six-ticks": now += TimeSpan.FromSeconds(5); return new Ticked();
            case "two-minutes": now += TimeSpan.FromSeconds(119); return new Ticked();
            default: throw new FormatException(words[0]);
        }
    }

    // ready WORKER STEP, then the ranges it holds of the next step
    private static ReplicaReady Ready(string[] words, int generation) =>
        new(words[1], generation, long.Parse(words[2]), Profiles.Cpu)
        {
            Held =
            [
                .. from range in words[3..]
                   let ends = range.Split("..")
                   select new LeafRange(int.Parse(ends[0]), int.Parse(ends[1])),
            ],
        };

    // Workers that are offered, then other runs as RUN=COUNT and workers that serve nobody as free=COUNT, those of
    // other
    // classes of devices as other=COUNT, and disks as
    // SILO@DISK, with ~ behind it for a silo that is to stop.
    private static WorkersOffered Offer(string[] all)
    {
        var others = all.Where(word => word.StartsWith("other=", StringComparison.Ordinal)).ToArray();
        var words = all.Except(others).Where(word => !word.Contains('@')).ToArray();
        var disks = from word in all.Except(words).Except(others)
                    let parts = word.TrimEnd('~').Split('@')
                    select new SiloDisk(parts[0], parts[1], word.EndsWith('~'));
        var shares = words.Where(word => word.Contains('=')).Select(word => word.Split('='))
            .Select(parts => new RunShare(parts[0], int.Parse(parts[1]))).ToList();
        OfferedWorker[] offered = [.. words.Where(word => !word.Contains('=')).Select(Offered)];
        var count = offered.Count(worker => worker.Leaving is null) + shares.Sum(share => share.WorkerCount);
        return new WorkersOffered(offered, count, shares.FindAll(share => share.Run != "free"))
        {
            Disks = [.. disks],
            OtherDeviceCount = others.Length == 0 ? 0 : int.Parse(others[0]["other=".Length..]),
        };
    }

    // SILO/DEVICE, or SILO/DEVICE#LIFE for a silo that was started again; behind it ~stops for a silo that is to stop,
    // or ~RUN for a worker that another run gets.
    private static OfferedWorker Offered(string word)
    {
        var (worker, leaving) = word.Split('~') is [var start, var why] ? (start, why) : (word, null);
        var (key, life) = worker.Split('#') is [var before, var after] ? (before, after) : (worker, "1");
        return new OfferedWorker(key, key.Split('/')[0], life)
        {
            Leaving = leaving is null ? null : leaving == "stops" ? "its silo stops" : $"run {leaving} gets it",
        };
    }

    // found SILO STEP ... SILO STEP ...; a step with a star is of another seed
    private CheckpointsFound Found(string[] words)
    {
        var (silo, found) = ("", new List<FoundCheckpoint>());
        foreach (var word in words[1..])
        {
            if (!long.TryParse(word.TrimEnd('*'), out var step))
            {
                silo = word;
                continue;
            }

            var seed = word.EndsWith('*') ? 77 : specification.Seed;
            found.Add(new FoundCheckpoint(
                new CheckpointEntry(step, $"hash{step}", silo, "/c", null),
                new RunRecord
                {
                    Specification = specification with { Seed = seed },
                    CommittedStep = step,
                    Profile = Profiles.Cpu,
                }));
        }

        return new CheckpointsFound(found);
    }

    // report WORKER NORM LOSS ...
    private StepReported Report(string[] words, int generation, bool applied) => new(
        words[1],
        generation,
        state!.Step + 1,
        Numbers(words[3..]),
        Numbers(words[2..3])[0],
        applied,
        Compute: TimeSpan.FromSeconds(words.Length - 3),
        SentBytes: 1000);

    private static double[] Numbers(string[] words) =>
        [.. words.Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
}
