using Gpt2Cluster.Data.Inspection;

namespace Gpt2Cluster.Data.Tests.Inspection;

public sealed class TokenStoreTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(TokenStore.BlockTokens)]
    [InlineData(8 * TokenStore.BlockTokens)]
    public void Gives_back_what_it_took_from_memory_file_and_end(long memoryTokens)
    {
        var random = new Random(1);
        var tokens = new ushort[(7 * TokenStore.BlockTokens / 2) + 17];
        for (var index = 0; index < tokens.Length; index++)
            tokens[index] = (ushort)random.Next(ushort.MaxValue);
        using var store = new TokenStore(memoryTokens, endOfText: 50256, Path.GetTempPath());
        foreach (var piece in tokens.Chunk(300_007))
            store.Append(piece);
        Assert.Equal(tokens.Length, store.Count);
        Assert.Null(store.Fault);

        var all = new ushort[tokens.Length];
        Assert.Equal(all.Length, store.Read(0, all));
        Assert.Equal(tokens, all);
        foreach (var start in new[] { 0, 5, TokenStore.BlockTokens - 3, (3 * TokenStore.BlockTokens) - 1 })
        {
            var part = new ushort[9];
            Assert.Equal(part.Length, store.Read(start, part));
            Assert.Equal(tokens[start..(start + part.Length)], part);
        }

        Assert.Equal(2, store.Read(tokens.Length - 2, new ushort[9]));
        Assert.Equal(0, store.Read(tokens.Length, new ushort[9]));
    }

    [Fact]
    public void A_folder_that_takes_nothing_ends_the_keeping_and_says_so()
    {
        const string nowhere = "/dev/null/nowhere";
        using var store = new TokenStore(TokenStore.BlockTokens, endOfText: 50256, nowhere);
        for (var block = 0; block < 4; block++)
            store.Append(new ushort[TokenStore.BlockTokens]);
        Assert.Equal(2 * TokenStore.BlockTokens, store.Count);
        Assert.Equal(9, store.Read(store.Count - 9, new ushort[20]));
        Assert.Contains(nowhere, store.Fault, StringComparison.Ordinal);
        Assert.Contains("TMPDIR", store.Fault, StringComparison.Ordinal);
    }
}
