using System.Net;
using Gpt2Cluster.Silo.Http;

namespace Gpt2Cluster.Silo.Tests.Http;

public sealed class ApiKeyGateTests
{
    private static readonly IPAddress Elsewhere = IPAddress.Parse("10.0.0.9");

    [Theory]
    [InlineData("/healthz", true)]
    [InlineData("/readyz", true)]
    [InlineData("/metrics", true)]
    [InlineData("/", false)]
    [InlineData("/metrics/", false)]
    [InlineData("/runs/run1", false)]
    public void Opens_three_pages_to_other_machines(string path, bool passes) =>
        Assert.Equal(passes, Gate("key").Passes(path, Elsewhere, null));

    [Theory]
    [InlineData("Bearer key", true)]
    [InlineData("Bearer other", false)]
    [InlineData("Bearer ", false)]
    [InlineData("key", false)]
    [InlineData("Basic bWU6a2V5", true)]
    [InlineData("Basic OmtleQ==", true)]
    [InlineData("Basic bWU6b3RoZXI=", false)]
    [InlineData("Basic a2V5Og==", false)]
    [InlineData("Basic bWU6", false)]
    [InlineData("Basic ?", false)]
    [InlineData("Basic ", false)]
    [InlineData(null, false)]
    public void Asks_other_machines_for_the_key(string? authorization, bool passes) =>
        Assert.Equal(passes, Gate("key").Passes("/", Elsewhere, authorization));

    [Fact]
    public void Lets_nobody_pass_with_an_empty_key() =>
        Assert.All(
            ["Bearer ", "Basic bWU6", "Basic ", ""],
            authorization => Assert.False(Gate("").Passes("/", Elsewhere, authorization)));

    [Fact]
    public void Lets_this_machine_pass() => Assert.True(Gate("key").Passes("/", IPAddress.IPv6Loopback, null));

    private static ApiKeyGate Gate(string key) => new(_ => Task.CompletedTask, new ApiKey(key));
}
