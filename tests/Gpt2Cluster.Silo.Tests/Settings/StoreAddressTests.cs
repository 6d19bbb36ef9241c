using Gpt2Cluster.Core;
using Gpt2Cluster.Silo.Settings;

namespace Gpt2Cluster.Silo.Tests.Settings;

public sealed class StoreAddressTests
{
    [Theory]
    [InlineData("embedded", true, "", 6390, null)]
    [InlineData("embedded:0", true, "", 0, null)]
    [InlineData("embedded:7000", true, "", 7000, null)]
    [InlineData("10.0.0.1:6390", false, "10.0.0.1", 6390, null)]
    [InlineData(":secret@host:1", false, "host", 1, "secret")]
    [InlineData(":s@c:r@t@host:65535", false, "host", 65535, "s@c:r@t")]
    public void Reads_every_form(string text, bool isEmbedded, string host, int port, string? password) =>
        Assert.Equal(new StoreAddress(isEmbedded, host, port, password), StoreAddress.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("host")]
    [InlineData(":80")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData("host:-1")]
    [InlineData("embedded:")]
    [InlineData("embedded:x")]
    [InlineData("secret@host:1")]
    [InlineData(":@host:1")]
    public void Refuses_everything_else(string text) =>
        Assert.Contains("--redis must be", Assert.Throws<UserErrorException>(() => StoreAddress.Parse(text)).Message);

    [Fact]
    public void Keeps_the_password_out_of_messages_and_logs()
    {
        Assert.DoesNotContain("hunter2", StoreAddress.Parse(":hunter2@host:1").ToString());
        var problem = Assert.Throws<UserErrorException>(() => StoreAddress.Parse(":hunter2@host:x"));
        Assert.DoesNotContain("hunter2", problem.Message);
    }
}
