using System.Text;
using LLama;
using LLama.Common;
using LLama.Native;

namespace Gpt2Cluster.Slow.Tests;

/// <summary>A GGUF file in llama.cpp, on processors, with keys and values in fp32.</summary>
internal sealed class LlamaModel : IDisposable
{
    private readonly LLamaWeights weights;
    private readonly LLamaContext context;

    public LlamaModel(string path, uint contextLength)
    {
        var parameters = new ModelParams(path)
        {
            ContextSize = contextLength,
            GpuLayerCount = 0,
            TypeK = GGMLType.GGML_TYPE_F32,
            TypeV = GGMLType.GGML_TYPE_F32,
            FlashAttention = false,
        };
        weights = LLamaWeights.LoadFromFile(parameters);
        context = weights.CreateContext(parameters);
    }

    public int VocabularySize => weights.Vocab.Count;

    public int[] Tokenize(string text) =>
        [.. context.Tokenize(text, addBos: false, special: false).Select(token => (int)token)];

    /// <summary>Continues a text with the likeliest tokens.</summary>
    public string Greedy(string prompt, int length)
    {
        var decoder = new StreamingTokenDecoder(context);
        var text = new StringBuilder();
        var batch = new LLamaBatch();
        var position = 0;
        var next = context.Tokenize(prompt, addBos: false, special: false);
        for (var count = 0; count < length; count++)
        {
            batch.Clear();
            for (var index = 0; index < next.Length; index++)
                batch.Add(next[index], position++, LLamaSeqId.Zero, index == next.Length - 1);
            Assert.Equal(DecodeResult.Ok, context.Decode(batch));
            var logits = context.NativeHandle.GetLogitsIth(batch.TokenCount - 1);
            var likeliest = 0;
            for (var id = 1; id < logits.Length; id++)
            {
                if (logits[id] > logits[likeliest])
                    likeliest = id;
            }

            next = [(LLamaToken)likeliest];
            decoder.Add(next[0]);
            text.Append(decoder.Read());
        }

        return text.ToString();
    }

    public void Dispose()
    {
        context.Dispose();
        weights.Dispose();
    }
}
