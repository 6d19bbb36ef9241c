using Gpt2Cluster.Core.Checkpoints;
using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Ports;
using Gpt2Cluster.Core.Reduction;

namespace Gpt2Cluster.Grains.Tests.Workers;

/// <summary>A replica in plain memory: holds its parts, counts what it is asked, computes nothing.</summary>
internal sealed class FakeReplica : IReplica
{
    private readonly FlatBuffer[] parts;

    public FakeReplica(ModelShape shape)
        : this(new ModelParameters(shape))
    {
    }

    public FakeReplica(ModelParameters parameters)
    {
        Parameters = parameters;
        Base = new float[parameters.Base.Length];
        parts = [.. Enum.GetValues<ReplicaPart>().Select(_ => FlatBuffer.Allocate(Layout.Length))];
    }

    public List<string> Calls { get; } = [];

    public double Norm { get; set; } = 2.0;

    /// <summary>What happens while a micro-batch is computed.</summary>
    public Action OnCompute { get; set; } = () => { };

    /// <summary>What happens while the update is made.</summary>
    public Action OnApply { get; set; } = () => { };

    /// <summary>What happens while a part is read.</summary>
    public Action OnRead { get; set; } = () => { };

    /// <summary>Whether snapshots have moments, as AdamW's have.</summary>
    public bool HasMoments { get; set; } = true;

    public ModelParameters Parameters { get; }

    public ParameterLayout Layout => Parameters.Trained;

    /// <summary>What was written of the base model.</summary>
    public float[] Base { get; }

    public string? FrozenHash => Parameters.Frozen.Length == 0
        ? null
        : Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(
            System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(Base)));

    public long Step { get; private set; }

    public bool IsLoaded { get; init; } = true;

    public long StandsAt
    {
        init => Step = value;
    }

    public ComputeTimes Times => default;

    public void Initialize(ulong seed)
    {
        var values = new Random((int)seed);
        foreach (var part in parts)
        {
            foreach (ref var value in part.Floats(0, (int)part.Length))
                value = values.NextSingle();
        }
    }

    public void InitializeTrained(ulong seed) => Initialize(seed);

    public void WriteBase(long start, ReadOnlySpan<float> from, bool frozenOnly = false)
    {
        foreach (var (slice, offset, first, count) in Parameters.Base.Parts(start, from.Length))
        {
            var values = from.Slice(first, count);
            if (Layout.Find(slice.Parameter.Id) is not { } trained)
                values.CopyTo(Base.AsSpan((int)(slice.Start + offset)));
            else if (!frozenOnly)
                Write(ReplicaPart.Parameters, trained.Start + offset, values);
        }
    }

    public void Read(ReplicaPart part, long start, Span<float> into)
    {
        OnRead();
        parts[(int)part].Floats(start, into.Length).CopyTo(into);
    }

    public IReplicaSnapshot Snapshot() =>
        HostSnapshot.Take(this, HasMoments ? Enum.GetValues<ReplicaPart>() : [ReplicaPart.Parameters]);

    public void Write(ReplicaPart part, long start, ReadOnlySpan<float> from) =>
        from.CopyTo(parts[(int)part].Floats(start, from.Length));

    public void Loaded(long step) => Step = step;

    public void BeginStep(long step, IReadOnlyList<LeafRange> ranges, int leafCount) =>
        Calls.Add($"begin {step} {string.Join('+', ranges)} of {leafCount}");

    public void ExtendStep(IReadOnlyList<LeafRange> ranges, IContributionSink sink) =>
        Calls.Add($"extend to {string.Join('+', ranges)}");

    public double ComputeMicroBatch(in MicroBatch batch, IContributionSink sink)
    {
        Calls.Add($"compute {batch.Step}.{batch.Index}");
        OnCompute();
        return batch.Index + 0.5;
    }

    public bool AveragesAlone { get; init; }

    public void AverageAlone() => Calls.Add("average alone");

    public double GradientNorm(FlatBuffer? averages)
    {
        Calls.Add("norm");
        return Norm;
    }

    public void Apply(FlatBuffer? averages, long step, double learningRate, double scale)
    {
        OnApply();
        Calls.Add(FormattableString.Invariant($"apply {step} rate {learningRate} scale {scale:0.######}"));
        Step = step;
    }

    public void Skip(long step)
    {
        Calls.Add($"skip {step}");
        Step = step;
    }

    /// <summary>The batches that were validated on, with their first targets.</summary>
    public List<(MicroBatch Batch, int[] FirstTargets)> Validated { get; } = [];

    public double[] SumLosses(in MicroBatch batch, ReadOnlySpan<int> firstTargets)
    {
        Validated.Add((batch, firstTargets.ToArray()));
        return new double[batch.BatchSize];
    }

    public ITextBatch NewTexts() => new FakeTexts();

    /// <summary>Whether its memory was given back.</summary>
    public bool IsFreed { get; private set; }

    public void Dispose()
    {
        IsFreed = true;
        foreach (var part in parts)
            part.Dispose();
    }

    /// <summary>Each text is the same word again and again, drawn when it joins.</summary>
    private sealed class FakeTexts : ITextBatch
    {
        public int Count => 0;

        public void Join(GenerationRequest request, Func<GeneratedToken, bool> produced)
        {
            for (var sample = request.FirstSample; sample < request.FirstSample + request.Count; sample++)
            {
                for (var (position, goesOn) = (0, true); goesOn && position < request.Length; position++)
                    goesOn = produced(new GeneratedToken(sample, position, 464));
            }
        }

        public void Advance() => throw new InvalidOperationException("No text is left.");

        public void Dispose()
        {
        }
    }
}
