using Gpt2Cluster.Core.Model;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Grains.Tests;

internal static class Specifications
{
    public static RunSpecification Small(ModelShape shape) => new()
    {
        Run = "run1".Run(),
        Model = new ModelReference("scratch:tiny", shape),
        Dataset = new DatasetReference(new string('a', 64), 1000),
        SequenceLength = 8,
        MicroBatchCount = 4,
        BatchSize = 1,
        Schedule = new LearningRateSchedule(ScheduleKind.Constant, 0.01, 0),
        Precision = Precision.Float32,
        ThreadsPerWorker = 1,
    };
}
