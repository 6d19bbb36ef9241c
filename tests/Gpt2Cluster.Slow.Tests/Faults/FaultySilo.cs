using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.EndToEnd.Tests.Processes;
using Gpt2Cluster.Faults.Processes;

namespace Gpt2Cluster.Slow.Tests.Faults;

/// <summary>One silo whose steps a test can stop, and runs of the quick-start model on it.</summary>
internal sealed class FaultySilo : IDisposable
{
    private const string Name = "a";

    private static readonly TimeSpan StopDeadline = TimeSpan.FromSeconds(120);

    private readonly Sightings sightings = new();
    private readonly FaultListener listener;

    /// <summary>Starts it.</summary>
    /// <param name="devices">What <c>--devices</c> says.</param>
    /// <param name="precision">Of the runs.</param>
    public FaultySilo(string devices, string precision)
    {
        (Devices, Precision) = (devices, precision);
        listener = new FaultListener(Path.Combine(Folder.Path, "faults"), sightings);

        // The C library is to ask the kernel for each buffer, and not to keep what is given back.
        KeyValuePair<string, string>[] environment =
        [
            new("GPT2CLUSTER_FAULT_POINTS", listener.Path), new("MALLOC_MMAP_THRESHOLD_", "131072"),
        ];
        Silo = SiloProcess.Start(Folder, Name, "embedded:0", environment, ["--devices", devices]);
    }

    /// <summary>What it computes on.</summary>
    public string Devices { get; }

    /// <summary>What its runs compute in.</summary>
    public string Precision { get; }

    public TestFolder Folder { get; } = new();

    public SiloProcess Silo { get; }

    /// <summary>Starts or continues a run of three steps of two micro-batches.</summary>
    public ClientProcess Train(string run, params string[] more) => ClientProcess.Start(
        Folder,
        [
            "train", Repository.Verses, "--run", run, "--model", "scratch:tiny", "--json", "--steps", "3",
            "--batch-size", "8", "--micro-batches", "2", "--threads-per-worker", "1", "--precision", Precision,
            "--sample-every", "0", "--val-every", "0", "--save-every", "0", "--cluster", Silo.Gateway, .. more,
        ]);

    /// <summary>Who comes to the point at step 2 is to stand still there; step 1 is also the fingerprint's.</summary>
    public void Arm(FaultPoint point) => listener.Arm(Name, point, step: 2, skip: 0);

    /// <summary>Waits until somebody does.</summary>
    public void WaitUntilStopped(FaultPoint point) => Assert.True(
        sightings.WaitFor(
            TimeSpan.Zero,
            sightings.Now + StopDeadline,
            sighting => sighting is { IsStopped: true } && sighting.Point == point) is not null,
        $"Nobody came to {point}. The silo said:\n{Silo.Log}");

    /// <summary>Lets who stands there go on.</summary>
    public void Pass(FaultPoint point) => listener.Pass(Name, point);

    /// <summary>What who stands there was to do fails as libtorch does, with these words.</summary>
    public void Fail(FaultPoint point, string words) => listener.Fail(Name, point, words);

    /// <inheritdoc/>
    public void Dispose()
    {
        listener.Dispose();
        Silo.Dispose();
        Folder.Dispose();
    }
}
