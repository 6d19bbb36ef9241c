using CsCheck;
using Gpt2Cluster.Core.Specification;

namespace Gpt2Cluster.Core.Tests.Specification;

public sealed class PromptFitTests
{
    [Theory]
    [InlineData(1, null, 1024, 1, 200)]
    [InlineData(1000, null, 1024, 1000, 24)]
    [InlineData(1, null, 32, 1, 31)]
    [InlineData(32, null, 32, 16, 16)]
    [InlineData(5000, null, 1024, 824, 200)]
    [InlineData(5000, 24, 1024, 1000, 24)]
    [InlineData(7, 1023, 1024, 1, 1023)]
    public void A_prompt_that_does_not_fit_keeps_its_end(int prompt, int? length, int context, int kept, int added) =>
        Assert.Equal(new PromptFit(kept, added), PromptFit.Of(prompt, length, context));

    [Fact]
    public void Both_are_always_within_the_context_and_nothing_is_cut_that_fits() =>
        Gen.Select(Gen.Int[1, 300], Gen.Int[1, 130].Nullable(), Gen.Int[2, 130]).Sample((prompt, length, context) =>
        {
            if (length >= context)
            {
                var problem = Assert.Throws<UserErrorException>(() => PromptFit.Of(prompt, length, context));
                Assert.Contains($"choose {context - 1} or less", problem.Message, StringComparison.Ordinal);
                return;
            }

            var fit = PromptFit.Of(prompt, length, context);
            Assert.Equal(length ?? fit.Length, fit.Length);
            Assert.InRange(fit.Kept, 1, prompt);
            Assert.InRange(fit.Length, 1, context - fit.Kept);
            Assert.Equal(Math.Min(prompt, context - fit.Length), fit.Kept);
        });
}
