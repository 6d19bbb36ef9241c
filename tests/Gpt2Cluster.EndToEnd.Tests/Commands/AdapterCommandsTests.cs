using Gpt2Cluster.EndToEnd.Tests.Processes;

namespace Gpt2Cluster.EndToEnd.Tests.Commands;

/// <summary>What is said of options of adapters; whole runs of them are among the longer tests.</summary>
public sealed class AdapterCommandsTests
{
    [Fact]
    public void What_adapters_do_not_know_is_refused_in_a_sentence()
    {
        using var folder = new TestFolder();
        AssertRefused("--lora-alpha needs adapters", Training.Small(2, "--lora-alpha", "4"));
        AssertRefused("--train takes all, transformer-layers or lora:RANK", Training.Small(2, "--train", "lora:0"));
        AssertRefused("--lora-targets takes some of c_attn", Training.Adapters(2, "--lora-targets", "wte"));
        AssertRefused("takes a rank of 1 to the model's width, 128", Training.Small(2, "--train", "lora:129"));
        folder.AssertNobodyIsLeft();

        void AssertRefused(string sentence, string[] command)
        {
            using var refused = ClientProcess.Run(folder, command);
            Assert.True(refused.WaitForExit() == 2, refused.Said);
            Assert.Contains(sentence, refused.Said, StringComparison.Ordinal);
        }
    }
}
