using System.Diagnostics;
using Gpt2Cluster.Data.Datasets;

namespace Gpt2Cluster.Data.Tests.Datasets;

/// <summary>Long runs; <see cref="DatasetTokenizerTests"/> has the rules.</summary>
[Collection(MeasuredMemory.Name)]
public sealed class EndOfTextSplitterTests
{
    private const int RunBytes = 64 << 20;
    private const int PieceBytes = 64 << 10;

    // Bytes that are looked at twice, each piece again from the run's beginning, would take minutes.
    private static readonly TimeSpan Enough = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData(' ')]
    [InlineData('\n')]
    public void A_run_of_blanks_of_any_length_is_text(char blank)
    {
        var sink = new Counter();
        var splitter = new EndOfTextSplitter(sink);
        splitter.Text("one\n"u8);
        var watch = Stopwatch.StartNew();
        Feed(splitter, blank);
        splitter.Text("two"u8);
        splitter.EndDocument();
        Assert.Equal(RunBytes + 7, sink.Bytes);
        Assert.True(watch.Elapsed < Enough, $"it took {watch.Elapsed}");
    }

    [Fact]
    public void Blanks_behind_the_word_of_a_line_go_with_it()
    {
        var sink = new Counter();
        var splitter = new EndOfTextSplitter(sink);
        splitter.Text("one\n<|endoftext|>"u8);
        var watch = Stopwatch.StartNew();
        Feed(splitter, ' ');
        splitter.Text("\n\n\ntwo"u8);
        splitter.EndDocument();
        Assert.Equal((7, 1), (sink.Bytes, sink.Ends));
        Assert.True(watch.Elapsed < Enough, $"it took {watch.Elapsed}");
    }

    private static void Feed(EndOfTextSplitter splitter, char blank)
    {
        var piece = new byte[PieceBytes];
        piece.AsSpan().Fill((byte)blank);
        for (var left = RunBytes; left > 0; left -= PieceBytes)
            splitter.Text(piece);
    }

    private sealed class Counter : IMarkedTextSink
    {
        public long Bytes { get; private set; }

        public int Ends { get; private set; }

        public void Text(ReadOnlySpan<byte> utf8) => Bytes += utf8.Length;

        public void EndOfText() => Ends++;

        public void EndDocument()
        {
        }
    }
}
