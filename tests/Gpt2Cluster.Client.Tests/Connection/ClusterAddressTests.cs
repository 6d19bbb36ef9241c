using Gpt2Cluster.Client.Connection;
using Gpt2Cluster.Core;

namespace Gpt2Cluster.Client.Tests.Connection;

public sealed class ClusterAddressTests
{
    [Fact]
    public void Local_is_the_local_cluster() => Assert.IsType<LocalAddress>(ClusterAddress.Parse("local"));

    [Theory]
    [InlineData("10.0.0.5:30000", "10.0.0.5:30000/gpt2cluster")]
    [InlineData("a:1,b:2", "a:1,b:2/gpt2cluster")]
    [InlineData("a:1,b:2/mine", "a:1,b:2/mine")]
    [InlineData("[::1]:30000/mine", "::1:30000/mine")]
    public void Gateways_are_a_list_and_an_id(string text, string expected) =>
        Assert.Equal(expected, Assert.IsType<GatewayAddress>(ClusterAddress.Parse(text)).ToString());

    [Theory]
    [InlineData("redis://h:6390/mine", null, "redis://h:6390/mine")]
    [InlineData("redis://:se@cr:et@h:6390/mine", "se@cr:et", "redis://h:6390/mine")]
    [InlineData("redis://:a/b@h:6390/mine", "a/b", "redis://h:6390/mine")]
    public void A_store_may_have_a_password_which_is_never_shown(string text, string? password, string shown)
    {
        var address = Assert.IsType<RedisAddress>(ClusterAddress.Parse(text));
        Assert.Equal(password, address.Password);
        Assert.Equal(shown, address.ToString());
    }

    [Theory]
    [InlineData("")]
    [InlineData("host")]
    [InlineData("host:0")]
    [InlineData("host:65536")]
    [InlineData(":30000")]
    [InlineData("host:1,")]
    [InlineData("host:1/")]
    [InlineData("redis://h:6390")]
    [InlineData("redis://h/mine")]
    [InlineData("redis://secret@h:6390/mine")]
    [InlineData("redis://:@h:6390/mine")]
    public void The_rest_is_refused_by_name(string text) =>
        Assert.Contains(
            "--cluster",
            Assert.Throws<UserErrorException>(() => ClusterAddress.Parse(text)).Message,
            StringComparison.Ordinal);
}
