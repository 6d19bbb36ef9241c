using Gpt2Cluster.Core.Memory;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Exchange.Tests;

/// <summary>Sees that averages land once each, on the thread that waits, as they are in the end.</summary>
internal sealed class LandedAverages(long elementCount) : IAveragesSink
{
    private readonly int thread = Environment.CurrentManagedThreadId;
    private readonly float?[] values = new float?[elementCount];

    public void Landed(FlatBuffer averages, long start, long end)
    {
        Assert.Equal(thread, Environment.CurrentManagedThreadId);
        for (var element = start; element < end; element++)
        {
            Assert.Null(values[element]);
            values[element] = averages.Floats(element, 1)[0];
        }
    }

    /// <summary>None land where a gradient is the average as it stands.</summary>
    public void AssertAllOrNone(FlatBuffer averages)
    {
        if (values.All(value => value is null))
        {
            Assert.Equal(ElementType.Float32, averages.ElementType);
            return;
        }

        Assert.Equal(averages.Floats(0, values.Length).ToArray(), values.Select(value => value!.Value));
    }
}
