using Gpt2Cluster.Silo.Ports;

namespace Gpt2Cluster.Silo.Tests.Ports;

public sealed class FreePortsTests
{
    [Theory]
    [InlineData(32_768, 60_999)] // Linux
    [InlineData(49_152, 65_535)] // IANA
    [InlineData(15_000, 65_535)]
    [InlineData(1_024, 61_000)]
    public void Lie_outside_the_ports_of_outgoing_connections_and_beside_the_standard_ones(int first, int last)
    {
        var ports = FreePorts.Beside((first, last));
        Assert.True(ports.Count >= FreePorts.FewestCount, $"there are {ports.Count}");
        Assert.All(ports, port => Assert.False(port >= first && port <= last));
        Assert.All(ports, port => Assert.InRange(port, FreePorts.Lowest, 65_535));
        Assert.Empty(ports.Intersect([11_111, 11_112, 21_111, 30_000, 30_001]));
    }

    [Fact]
    public void Lie_among_them_where_nothing_is_left_beside_them() =>
        Assert.True(FreePorts.Beside((1024, 65_535)).Count > 50_000);
}
