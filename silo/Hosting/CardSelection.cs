using System.Globalization;
using Gpt2Cluster.Core;
using Gpt2Cluster.Core.Devices;
using Gpt2Cluster.Core.Ports;

namespace Gpt2Cluster.Silo.Hosting;

/// <summary>Which cards become workers.</summary>
public static class CardSelection
{
    /// <summary>
    /// The cards that <c>--devices cuda:...</c> names, numbered from 0 as workers; all of them where it names none.
    /// </summary>
    /// <param name="cards">The machine's cards by their number; at least one.</param>
    /// <param name="argument">
    /// Numbers and UUIDs with commas between; of a UUID the beginning is enough while only one card has it.
    /// </param>
    /// <exception cref="UserErrorException">A card is not there, is named twice, or nothing computes on it.</exception>
    public static IReadOnlyList<Device> Choose(IReadOnlyList<Device> cards, string? argument)
    {
        ArgumentNullException.ThrowIfNull(cards);
        if (argument is null)
        {
            return Usable(cards, out var refusal) is { Count: > 0 } usable
                ? usable
                : throw new UserErrorException(refusal!);
        }

        var chosen = new List<Device>();
        foreach (var text in argument.Split(','))
        {
            var card = Find(cards, text);
            if (chosen.Exists(other => other.Ordinal == card.Ordinal))
            {
                throw new UserErrorException(
                    $"--devices cuda:{argument} names the card {card.Ordinal} ({card.Card!.Uuid}) twice; a card is one "
                    + "worker, so name it once.");
            }

            if (CardProfile.Refusal(card.Card!) is { } refusal)
                throw new UserErrorException(refusal);
            chosen.Add(card with { Index = chosen.Count });
        }

        return chosen;
    }

    /// <summary>The cards that can be computed on, numbered from 0 as workers.</summary>
    /// <param name="cards">The machine's cards.</param>
    /// <param name="refusal">Why the first of the others cannot; null if there are no others.</param>
    public static IReadOnlyList<Device> Usable(IReadOnlyList<Device> cards, out string? refusal)
    {
        refusal = cards.Select(card => CardProfile.Refusal(card.Card!)).FirstOrDefault(reason => reason is not null);
        return
        [
            .. cards.Where(card => CardProfile.Refusal(card.Card!) is null)
                .Select((card, index) => card with { Index = index }),
        ];
    }

    private static Device Find(IReadOnlyList<Device> cards, string text)
    {
        if (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ordinal))
        {
            return ordinal < cards.Count
                ? cards[ordinal]
                : throw new UserErrorException(
                    $"There is no card {ordinal}; this machine has {cards.Count}, counted from 0.");
        }

        var found = cards.Where(card => card.Card!.Uuid.StartsWith(text, StringComparison.OrdinalIgnoreCase)).ToList();
        return found.Count == 1
            ? found[0]
            : throw new UserErrorException(
                $"'{text}' is the beginning of {(found.Count == 0 ? "no card's" : "several cards'")} UUID in "
            + "--devices; "
                + $"this machine has {string.Join(", ", cards.Select(card => card.Card!.Uuid))}.");
    }
}
