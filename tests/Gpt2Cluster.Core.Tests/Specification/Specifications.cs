using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Specification;

/// <summary>A sound specification to vary.</summary>
internal static class Specifications
{
    public static RunSpecification Sound { get; } = new()
    {
        Run = RunName.Parse("run1"),
        Model = new ModelReference("scratch:tiny", Presets.Scratch("scratch:tiny").Shape),
        Dataset = new DatasetReference(new string('a', 64), 10_000, 500),
        SequenceLength = 128,
        Schedule = new LearningRateSchedule(ScheduleKind.Cosine, 5e-5, 50),
        Sampling = new SamplingOptions { Length = 100 },
        Precision = Precision.Float32,
        ThreadsPerWorker = 1,
    };
}
