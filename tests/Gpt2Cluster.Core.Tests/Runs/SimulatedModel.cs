namespace Gpt2Cluster.Core.Tests.Runs;

/// <summary>The model of a <see cref="SimulatedCluster"/>: one parameter.</summary>
internal static class SimulatedModel
{
    public static double Loss(long step, int microBatch) => (1.0 / step) + microBatch;

    public static float Gradient(long step, int microBatch, float parameter) =>
        new Random(HashOf(step, microBatch)).NextSingle() - (parameter * 0.37f);

    public static float Updated(float parameter, float sum, int leafCount) => parameter - (0.1f * (sum / leafCount));

    private static int HashOf(long step, int microBatch) => (int)(step * 1009) + microBatch;
}
