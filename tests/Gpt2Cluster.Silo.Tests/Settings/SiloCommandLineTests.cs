using System.Net;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Runs;
using Gpt2Cluster.Silo.Settings;
using Microsoft.Extensions.Configuration;

namespace Gpt2Cluster.Silo.Tests.Settings;

public sealed class SiloCommandLineTests
{
    [Fact]
    public void Has_the_documented_defaults()
    {
        var settings = Read();
        Assert.Equal("gpt2cluster", settings.ClusterId);
        Assert.Null(settings.Name);
        Assert.Equal(new StoreAddress(true, "", 6390, null), settings.Store);
        Assert.Equal((11111, 30000, 21111), (settings.SiloPort, settings.GatewayPort, settings.StripePort));
        Assert.Equal(new IPEndPoint(IPAddress.Loopback, 8080), settings.Http);
        Assert.False(settings.IsBeyondLoopback);
        Assert.Equal("auto", settings.Devices);
        Assert.Equal(7, settings.KeepUnusedDays);
        Assert.False(settings.StopsWithParent);
        Assert.True(Path.IsPathFullyQualified(settings.DataFolder));
    }

    [Fact]
    public void Takes_options_before_configuration()
    {
        var settings = Read(
            [new("SILO_PORT", "1"), new("gatewayport", "2"), new("Cluster-Id", "blue")],
            "--silo-port",
            "3",
            "--parent-pipe");
        Assert.Equal(
            (3, 2, "blue", true),
            (settings.SiloPort, settings.GatewayPort, settings.ClusterId, settings.StopsWithParent));
    }

    [Fact]
    public void Takes_the_coordinators_patience_from_configuration()
    {
        Assert.Equal(new RunOptions(), Read().Coordinator);
        KeyValuePair<string, string?>[] given =
            [new("Coordinator:STALL_PATIENCE", "300"), new("coordinator:slow-disk", "2.5")];
        Assert.Equal(
            new RunOptions { StallPatience = TimeSpan.FromMinutes(5), SlowDiskBytesPerSecond = 2.5e6 },
            Read(given).Coordinator);
    }

    [Theory]
    [InlineData("coordinator:waiting-patience", "0", "coordinator:waiting-patience is 1 to 86400 seconds, not 0.")]
    [InlineData("coordinator:stall-patience", "long", "coordinator:stall-patience needs a number, not 'long'.")]
    [InlineData("coordinator:stall-patience", "1e9", "coordinator:stall-patience needs a number, not '1e9'.")]
    [InlineData("coordinator:slow-disk", "NaN", "coordinator:slow-disk needs a number, not 'NaN'.")]
    public void Refuses_a_patience_that_is_none(string name, string value, string message)
    {
        KeyValuePair<string, string?>[] given = [new(name, value)];
        Assert.Equal(message, Assert.Throws<UserErrorException>(() => Read(given)).Message);
    }

    [Fact]
    public void Keeps_for_ever_what_it_is_told_to() => Assert.Equal(0, Read("--keep-unused", "0").KeepUnusedDays);

    [Fact]
    public void Takes_underscores_as_well() => Assert.Equal(0, Read("--silo_port", "0").SiloPort);

    [Theory]
    [InlineData("'--tls' is unknown.", "--tls", "folder")]
    [InlineData("--silo-port needs a port", "--silo-port", "65536")]
    [InlineData("--gateway-port needs a port", "--gateway-port", "x")]
    [InlineData("--http must be HOST:PORT", "--http", "8080")]
    [InlineData("--http needs a port", "--http", "127.0.0.1:x")]
    [InlineData("--name must be 1 to 64", "--name", "a/b")]
    [InlineData("--cluster-id must be 1 to 64", "--cluster-id", "a b")]
    [InlineData("--data takes a path that is not empty.", "--data", "")]
    [InlineData("--keep-unused needs a number of days", "--keep-unused", "-1")]
    [InlineData("--keep-unused needs a number of days", "--keep-unused", "week")]
    [InlineData("--devices must be", "--devices", "gpu")]
    [InlineData("--devices must be", "--devices", "cpu:0")]
    [InlineData("--devices must be", "--devices", "cuda:0,")]
    [InlineData("--devices must be", "--devices", "cuda:GPU-xyz")]
    [InlineData("--api-key-file names the file '/no/such/file', which", "--api-key-file", "/no/such/file")]
    [InlineData("--redis must be", "--redis", "nowhere")]
    [InlineData("--advertise names 'no.such.host.invalid'", "--advertise", "no.such.host.invalid")]
    public void Refuses_what_is_wrong_in_one_sentence(string expected, params string[] arguments)
    {
        var message = Assert.Throws<UserErrorException>(() => Read(arguments)).Message;
        Assert.StartsWith(expected, message);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("cpu")]
    [InlineData("cpu:4")]
    [InlineData("cuda")]
    [InlineData("cuda:0,1")]
    [InlineData("cuda:GPU-8f3a1111-0000-0000-0000-000000000001,MIG-77,3")]
    public void Takes_every_form_of_devices(string devices) =>
        Assert.Equal(devices, Read("--devices", devices).Devices);

    [Fact]
    public void Is_beyond_loopback_when_another_address_is_advertised() =>
        Assert.True(Read("--advertise", "10.1.2.3").IsBeyondLoopback);

    private static SiloSettings Read(params string[] arguments) => Read([], arguments);

    private static SiloSettings Read(KeyValuePair<string, string?>[] configured, params string[] arguments) =>
        new SiloCommandLine().Read(arguments, new ConfigurationBuilder().AddInMemoryCollection(configured).Build())!;
}
