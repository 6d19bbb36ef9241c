using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Specification;

/// <summary>A sound specification to vary.</summary>
internal static class Specifications
{
    public static RunSpecification Sound { get; } = new()
    {
        Run = "run1".Run(),
        Model = new ModelReference("scratch:tiny", Presets.Scratch("scratch:tiny").Shape),
        Dataset = new DatasetReference(new string('a', 64), 10_000, 500),
        SequenceLength = 128,
        Schedule = new LearningRateSchedule(ScheduleKind.Cosine, 5e-5, 50),
        Sampling = new SamplingOptions { Length = 100 },
        Precision = Precision.Float32,
        ThreadsPerWorker = 1,
    };

    /// <summary>A sound one with two datasets, drawn three to one.</summary>
    public static RunSpecification Mixed { get; } = Sound with
    {
        Dataset = DatasetReference.OfMix(
        [
            new MixedDataset(new string('a', 64), 3, 10_000, 500),
            new MixedDataset(new string('b', 64), 1, 1000, 60),
        ]),
    };
}
